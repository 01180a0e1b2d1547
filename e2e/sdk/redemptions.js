import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, server } from './herald.js'

const { redemptions, vouchers } = server
const customer = { source_id: 'redemptions-1', name: 'Katherine Johnson' }
const order = { amount: 10_000, items: [{ source_id: 'globe', quantity: 1, price: 10_000 }] }

test('a voucher is redeemed, found again and rolled back', async () => {
  await vouchers.create({
    code: 'REDEMPTIONS-TEN', type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 }, redemption: { quantity: 1 },
  })
  const redeemed = await redemptions.redeem('REDEMPTIONS-TEN', { customer, order, metadata: { till: 4 } })
  assert.match(redeemed.id, /^r_/)
  assert.deepEqual([redeemed.result, redeemed.order.total_amount, redeemed.order.total_discount_amount], ['SUCCESS', 9000, 1000])
  assert.equal(redeemed.voucher.redemption.redeemed_quantity, 1)

  const failed = await refused(redemptions.redeem('REDEMPTIONS-TEN', { customer }), 400, 'quantity_exceeded', /REDEMPTIONS-TEN/)
  assert.match(failed.resource_id, /^rf_/)
  assert.equal((await redemptions.get(redeemed.id)).customer_id, redeemed.customer_id)
  assert.equal((await redemptions.get(failed.resource_id)).failure_code, 'quantity_exceeded')
  const ofVoucher = await redemptions.getForVoucher('REDEMPTIONS-TEN')
  assert.deepEqual([ofVoucher.quantity, ofVoucher.redeemed_quantity, ofVoucher.redemption_entries.length], [1, 1, 2])
  const listed = await redemptions.list({ customer: redeemed.customer_id, result: 'SUCCESS', limit: 5, order: '-created_at' })
  assert.deepEqual(listed.redemptions.map(({ id }) => id), [redeemed.id])

  const back = await redemptions.rollback(redeemed.id, { reason: 'changed their mind', tracking_id: 'till-4', customer })
  assert.match(back.id, /^rr_/)
  assert.deepEqual([back.reason, back.redemption], ['changed their mind', redeemed.id])
  const again = await redemptions.redeem('REDEMPTIONS-TEN', { customer })
  assert.equal((await redemptions.rollback(again.id, 'a reason alone')).reason, 'a reason alone')
})

test('a gift card pays for an order', async () => {
  await vouchers.create({ code: 'REDEMPTIONS-GIFT', type: 'GIFT_VOUCHER', gift: { amount: 3000 } })
  const paid = await redemptions.redeem('REDEMPTIONS-GIFT', { customer, order: { amount: 5000 }, gift: { credits: 2000 } })
  assert.deepEqual([paid.gift.amount, paid.voucher.gift.balance, paid.order.total_amount], [2000, 1000, 3000])
})

test('discounts of every kind change the lines of an order', async () => {
  const items = [
    { source_id: 'map', related_object: 'product', quantity: 2, price: 1000, product: { name: 'A map', price: 1000 } },
    { product_id: 'pin', quantity: 4, price: 100 },
  ]
  const kinds = {
    LINES: [{ type: 'AMOUNT', amount_off: 100, effect: 'APPLY_TO_ITEMS' }, 2200],
    FIXED: [{ type: 'FIXED', fixed_amount: 900, effect: 'APPLY_TO_ORDER' }, 900],
    FREE: [{ type: 'UNIT', unit_off: 1, unit_type: 'pin', effect: 'ADD_NEW_ITEMS' }, 2400],
  }
  for (const [kind, [discount, total]] of Object.entries(kinds)) {
    await vouchers.create({ code: `REDEMPTIONS-${kind}`, type: 'DISCOUNT_VOUCHER', discount })
    const { order } = await redemptions.redeem(`REDEMPTIONS-${kind}`, { customer, order: { items, metadata: { kind } } })
    assert.equal(order.total_amount, total, kind)
    assert.equal((await server.orders.get(order.id)).total_amount, total, kind)
  }
})

test('several things are redeemed at once, or none', async () => {
  await vouchers.create({ code: 'REDEMPTIONS-CENT', type: 'DISCOUNT_VOUCHER', discount: { type: 'AMOUNT', amount_off: 100 } })
  const redeemables = [{ object: 'voucher', id: 'REDEMPTIONS-TEN' }, { object: 'voucher', id: 'REDEMPTIONS-CENT' }]
  const stacked = await redemptions.redeemStackable({ redeemables, customer, order, options: { expand: ['order', 'redeemable', 'redemption'] } })
  assert.deepEqual(stacked.redemptions.map(({ result }) => result), ['SUCCESS', 'SUCCESS'])
  assert.equal(stacked.order.total_amount, 8900)
  await refused(redemptions.redeemStackable({ redeemables: [...redeemables].reverse(), customer }), 400, 'quantity_exceeded', /REDEMPTIONS-TEN/)

  const parent = stacked.parent_redemption.id
  const back = await redemptions.rollbackStackable(parent, { reason: 'sent back' }, { reason: 'sent back', tracking_id: 'till-4' })
  assert.deepEqual([back.rollbacks.length, back.order.status], [2, 'CANCELED'])
})
