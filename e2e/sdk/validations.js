import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from './herald.js'

const { campaigns, promotions, qualifications, validations, vouchers } = server
const customer = { source_id: 'validations-1' }
const order = { amount: 20_000, items: [{ product_id: 'telescope', quantity: 2, price: 10_000 }] }

test('a voucher is tried before it is redeemed', async () => {
  await vouchers.create({ code: 'VALIDATIONS-TEN', type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } })
  const tried = await validations.validateVoucher('VALIDATIONS-TEN', { customer, order, tracking_id: 'visitor-7' })
  assert.deepEqual([tried.valid, tried.order.total_amount], [true, 18_000])
  assert.equal((await validations.validate('VALIDATIONS-TEN', { order })).valid, true)
  const unknown = await validations.validateVoucher('VALIDATIONS-NOBODY', { order })
  assert.deepEqual([unknown.valid, unknown.error.key], [false, 'not_found'])
})

test('promotions are tried for a cart', async () => {
  const promotion = await campaigns.create({ name: 'Clearance', campaign_type: 'PROMOTION' })
  const tier = await promotions.tiers.create(promotion.id, { name: 'Five off', action: { discount: { type: 'AMOUNT', amount_off: 500 } } })
  const tried = await validations.validate({ customer, order })
  assert.ok(tried.promotions.some(({ id }) => id === tier.id))
  assert.equal((await promotions.validate({ customer, order }, { audienceRulesOnly: true })).valid, true)
})

test('several things are tried at once, and held', async () => {
  const tried = await validations.validateStackable({
    redeemables: [{ object: 'voucher', id: 'VALIDATIONS-TEN' }, { object: 'voucher', id: 'VALIDATIONS-NOBODY' }], customer, order,
  })
  assert.deepEqual([tried.valid, tried.redeemables.map(({ status }) => status)], [false, ['APPLICABLE', 'INAPPLICABLE']])
  const held = await validations.validateStackable({
    redeemables: [{ object: 'voucher', id: 'VALIDATIONS-TEN' }], customer, order, session: { type: 'LOCK' }, options: { expand: ['order'] },
  })
  assert.match(held.session.key, /./)
})

test('what a customer could redeem is found', async () => {
  const filters = { junction: 'and', resource_type: { conditions: { $is: ['promotion_tier'] } } }
  const found = await qualifications.checkEligibility({
    customer, order, mode: 'ADVANCED', scenario: 'ALL', options: { limit: 20, expand: ['redeemable'], sorting_rule: 'BEST_DEAL', filters },
  })
  assert.ok(found.redeemables.data.some(({ name }) => name === 'Five off'))
})
