import assert from 'node:assert/strict'
import { test } from 'node:test'
import { page, post, refused, server } from './herald.js'

const visitor = page('client-1')
const cart = { amount: 4000, items: [{ product_id: 'kite', quantity: 2, price: 2000, amount: 4000 }] }
const tenPercent = { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } }

test('a web page tells of its visitor', async () => {
  const said = await visitor.createCustomer({ source_id: 'client-1', name: 'Ada Yonath', metadata: { lang: 'he' } }, true)
  assert.equal(said.name, 'Ada Yonath')
  assert.deepEqual(await visitor.track('page_seen', { source_id: 'client-1' }, { page: '/kites' }), { object: 'event', type: 'page_seen' })
  await visitor.track('page_seen', {}, { page: '/kites' })
  visitor.setIdentity('client-2')
  await visitor.track('page_seen', {})
  assert.equal((await server.customers.get('client-2')).source_id, 'client-2')
  visitor.setIdentity('client-1')
})

test('a web page asks its visitor for consent', async () => {
  const news = await post('/consents', { name: 'Kite news', category: 'email', description: 'Once a month' })
  assert.ok((await visitor.listConsents()).consents.data.some(({ id }) => id === news.id))
  await visitor.updateConsents('client-1', { [news.id]: true })
})

test('a web page gives out codes and lists them', async () => {
  await server.campaigns.create({
    name: 'Kite codes', campaign_type: 'DISCOUNT_COUPONS', type: 'AUTO_UPDATE',
    voucher: { ...tenPercent, code_config: { pattern: 'KITE-########' } },
  })
  const given = await visitor.publish('Kite codes', {}, { join_once: true })
  assert.match(given.voucher.code, /^KITE-/)
  assert.equal(given.channel, 'Voucherify.js')
  const { vouchers } = await visitor.listVouchers({ customer: 'client-1', limit: 10 })
  assert.deepEqual(vouchers.map(({ code }) => code), [given.voucher.code])
})

test('a web page tries codes and carts', async () => {
  await server.vouchers.create({ ...tenPercent, code: 'CLIENT TEN', redemption: { quantity: 3 } })
  const tried = await visitor.validate({
    code: ' CLIENT TEN\n', amount: cart.amount, items: cart.items, customer: { source_id: 'client-1', metadata: { lang: 'he' } },
    orderMetadata: { gift: 'yes' }, metadata: { device: 'phone' },
    session_type: 'LOCK', session_key: 'client-cart', session_ttl: 10, session_ttl_unit: 'MINUTES',
  })
  assert.deepEqual([tried.valid, tried.code, tried.order.total_amount], [true, 'CLIENT TEN', 3600])
  assert.deepEqual([tried.tracking_id, tried.session.key, tried.session.ttl], ['client-1', 'client-cart', 10])
  assert.equal((await visitor.validate('CLIENT TEN')).valid, true)
  assert.equal((await visitor.validate('CLIENT NOBODY')).valid, false)

  const { id } = await server.campaigns.create({ name: 'Kite sale', campaign_type: 'PROMOTION' })
  const tier = await server.promotions.tiers.create(id, { name: 'Kites', action: { discount: { type: 'AMOUNT', amount_off: 100 } } })
  const { valid, promotions } = await visitor.validate({ amount: cart.amount, items: cart.items, customer: { source_id: 'client-1' } })
  assert.ok(valid && promotions.some((promotion) => promotion.id === tier.id))

  const stacked = await visitor.validateStackable({
    redeemables: [{ object: 'voucher', id: 'CLIENT TEN' }, { object: 'promotion_tier', id: tier.id }],
    customer: { source_id: 'client-1' }, order: cart,
  })
  assert.deepEqual([stacked.valid, stacked.order.total_amount], [true, 3500])
  const { redeemables } = await visitor.qualifications({ customer: { source_id: 'client-1' }, order: cart, scenario: 'ALL' })
  assert.ok(redeemables.data.some((one) => one.id === tier.id))
})

test('a web page redeems', async () => {
  const redeemed = await visitor.redeem('CLIENT TEN\n', { order: cart })
  assert.equal(redeemed.result, 'SUCCESS')
  const stacked = await visitor.redeemStackable({
    redeemables: [{ object: 'voucher', id: 'CLIENT TEN' }], customer: { source_id: 'client-1' }, order: cart,
  })
  assert.deepEqual(stacked.redemptions.map(({ result }) => result), ['SUCCESS'])
  await refused(visitor.redeem('CLIENT NOBODY'), 404, 'not_found', /CLIENT NOBODY/)
})
