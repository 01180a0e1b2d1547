import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFile } from './files.js'
import { done, server } from './herald.js'

const { vouchers } = server

const tenPercent = { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } }

test('vouchers are made, changed, switched off and deleted', async () => {
  const made = await vouchers.create({ ...tenPercent, code: 'VOUCHERS/ONE 1', redemption: { quantity: 5 }, metadata: { channel: 'shop' } })
  assert.match(made.id, /^v_/)
  assert.equal(made.code, 'VOUCHERS/ONE 1')
  assert.equal((await vouchers.get(made.id)).code, made.code, 'by its id too')
  const changed = await vouchers.update({ ...made, additional_info: 'for the press', metadata: { year: 2026 } })
  assert.deepEqual(changed.metadata, { channel: 'shop', year: 2026 })
  assert.equal((await vouchers.disable(made.code)).active, false)
  assert.equal((await vouchers.enable(made.code)).active, true)
  await vouchers.delete(made.code, { force: true })

  const drawn = await vouchers.create({ ...tenPercent, code_config: { pattern: 'DRAWN-########' } })
  assert.match(drawn.code, /^DRAWN-.{8}$/, 'whoever names no code gets one')
  const { vouchers: listed } = await vouchers.list({ limit: 1, order: '-created_at' })
  assert.equal(listed[0].id, drawn.id)
})

test('vouchers of every kind say what they are worth', async () => {
  const kinds = {
    'VOUCHERS-AMOUNT': { type: 'DISCOUNT_VOUCHER', discount: { type: 'AMOUNT', amount_off: 500 } },
    'VOUCHERS-FIXED': { type: 'DISCOUNT_VOUCHER', discount: { type: 'FIXED', fixed_amount: 1000, effect: 'APPLY_TO_ORDER' } },
    'VOUCHERS-UNIT': { type: 'DISCOUNT_VOUCHER', discount: { type: 'UNIT', unit_off: 1, unit_type: 'prod_cup', effect: 'ADD_NEW_ITEMS' } },
    'VOUCHERS-GIFT': { type: 'GIFT_VOUCHER', gift: { amount: 5000 } },
    'VOUCHERS-CARD': { type: 'LOYALTY_CARD', loyalty_card: { points: 100 } },
  }
  for (const [code, worth] of Object.entries(kinds)) {
    assert.equal((await vouchers.create({ ...worth, code })).type, worth.type)
    assert.equal((await vouchers.get(code)).code, code)
  }
})

test('vouchers are imported and changed in bulk', async () => {
  await done(await vouchers.import([{ ...tenPercent, code: 'VOUCHERS-TOLD-1' }, { ...tenPercent, code: 'VOUCHERS-TOLD-2', active: false }]))
  const path = await inFile('vouchers.csv', [
    'Code,Voucher Type,Value,Discount Type,Redemption Limit,by', 'VOUCHERS-FILE-1,DISCOUNT_VOUCHER,15,PERCENT,1,file',
  ])
  await done(await vouchers.importCSV(path))
  assert.equal((await vouchers.get('VOUCHERS-FILE-1')).discount.percent_off, 15)

  await done(await vouchers.bulkUpdate([{ code: 'VOUCHERS-TOLD-1', metadata: { batch: 1 } }, { code: 'VOUCHERS-TOLD-2', metadata: { batch: 2 } }]))
  await done(await vouchers.bulkUpdateMetadata({ codes: ['VOUCHERS-TOLD-1', 'VOUCHERS-TOLD-2'], metadata: { checked: true } }))
  assert.deepEqual((await vouchers.get('VOUCHERS-TOLD-2')).metadata, { batch: 2, checked: true })
})

test('credits of a gift card move by transactions', async () => {
  await vouchers.create({ code: 'VOUCHERS-PRESENT', type: 'GIFT_VOUCHER', gift: { amount: 1000 } })
  const added = await vouchers.balance.create('VOUCHERS-PRESENT', { amount: 500, reason: 'an apology' })
  assert.deepEqual([added.amount, added.total, added.balance, added.type], [500, 1500, 1500, 'gift_voucher'])
  await vouchers.balance.create('VOUCHERS-PRESENT', { amount: -200 })
  const { data } = await vouchers.listTransactions('VOUCHERS-PRESENT', { limit: 10 })
  assert.deepEqual(data.map(({ type }) => type), ['CREDITS_REMOVAL', 'CREDITS_ADDITION'])
  const asked = await vouchers.exportTransactions('VOUCHERS-PRESENT', { parameters: { order: '-created_at', fields: ['id', 'type', 'amount'] } })
  assert.match(asked.id, /^exp_/)
})

test('a voucher that is held for a cart is given back', async () => {
  await vouchers.create({ ...tenPercent, code: 'VOUCHERS-HELD', redemption: { quantity: 1 } })
  const session = { type: 'LOCK', key: 'vouchers-cart', ttl: 1, ttl_unit: 'HOURS' }
  const held = await server.validations.validateVoucher('VOUCHERS-HELD', { customer: { source_id: 'vouchers-1' }, session })
  assert.deepEqual([held.valid, held.session.key], [true, session.key])
  assert.equal((await server.validations.validateVoucher('VOUCHERS-HELD', {})).valid, false)
  await vouchers.releaseValidationSession('VOUCHERS-HELD', session.key)
  assert.equal((await server.validations.validateVoucher('VOUCHERS-HELD', {})).valid, true)
})

test('the vouchers that a customer could redeem are found', async () => {
  const asked = { customer: { source_id: 'vouchers-1' }, order: { amount: 2000 } }
  const { data } = await vouchers.qualifications.examine(asked, { limit: 50, order: 'code' })
  assert.ok(data.some(({ code }) => code === 'VOUCHERS-AMOUNT'))
})
