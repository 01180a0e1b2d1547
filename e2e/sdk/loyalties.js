import assert from 'node:assert/strict'
import { test } from 'node:test'
import { done, eventually, refused, server } from './herald.js'

const { events, loyalties, orders, rewards, segments } = server

// program makes a loyalty programme.
export const program = (name, settings = {}) => loyalties.create({
  name, type: 'AUTO_UPDATE', metadata: { kind: 'tea' },
  voucher: { type: 'LOYALTY_CARD', loyalty_card: { points: 0 }, code_config: { pattern: 'CARD-########' } }, ...settings,
})

test('loyalty programmes are made, changed, listed and deleted', async () => {
  const made = await program('Tea club', {
    voucher: {
      type: 'LOYALTY_CARD', code_config: { pattern: 'TEA-########' },
      loyalty_card: { points: 10, expiration_rules: { period_type: 'MONTH', period_value: 3, rounding_type: 'END_OF_MONTH' } },
    },
    loyalty_tiers_expiration: {
      qualification_type: 'POINTS_IN_PERIOD', qualification_period: 'YEAR',
      start_date: { type: 'IMMEDIATE' }, expiration_date: { type: 'END_OF_PERIOD' },
    },
  })
  assert.deepEqual([made.campaign_type, made.voucher.loyalty_card.points], ['LOYALTY_PROGRAM', 10])
  assert.equal((await loyalties.get(made.id)).name, 'Tea club')
  assert.equal((await loyalties.update({ id: made.id, description: 'For those who come often' })).description, 'For those who come often')
  const { campaigns } = await loyalties.list({ limit: 10, page: 1 })
  assert.ok(campaigns.some(({ id }) => id === made.id))
  await done(await loyalties.delete(made.id, { force: true }))
  await refused(loyalties.get(made.id), 404, 'not_found', /Cannot find/)
})

test('earning rules give points for what members do', async () => {
  const { id } = await program('Coffee club')
  const [paid, visit] = await loyalties.createEarningRule(id, [
    {
      event: 'order.paid', loyalty: { type: 'PROPORTIONAL', calculation_type: 'ORDER_AMOUNT', order: { amount: { every: 100, points: 1 } } },
      source: { banner: 'A point for each pound' }, active: true,
    },
    { event: 'coffee_visit', loyalty: { type: 'FIXED', points: 5 }, metadata: { since: 2026 } },
  ])
  assert.match(paid.id, /^ern_/)
  assert.equal((await loyalties.getEarningRule(id, paid.id)).source.banner, 'A point for each pound')
  await loyalties.updateEarningRule(id, { id: visit.id, loyalty: { type: 'FIXED', points: 7 } })
  assert.equal((await loyalties.disableEarningRule(id, visit.id)).active, false)
  assert.equal((await loyalties.enableEarningRule(id, visit.id)).active, true)
  assert.equal((await loyalties.listEarningRules(id, { limit: 10, page: 1 })).total, 2)

  const customer = { source_id: 'loyalties-1' }
  const card = await loyalties.createMember(id, { customer, channel: 'till', metadata: { shop: 'Leeds' } })
  await orders.create({ source_id: 'loyalties-order', status: 'PAID', amount: 1250, customer })
  await events.create('coffee_visit', { customer, loyalty: { code: card.code } })
  await eventually(() => loyalties.getMember(id, card.code), (member) => member.loyalty_card.balance === 12 + 7)

  await loyalties.deleteEarningRule(id, visit.id)
  await refused(loyalties.getEarningRule(id, visit.id), 404, 'not_found', /Cannot find/)
})

test('earning rules answer everything that members do', async () => {
  const { id } = await program('Every club')
  const segment = await segments.create({ name: 'Every member', type: 'auto-update', filter: { name: { conditions: { $is: ['Nobody'] } } } })
  const [tier] = await loyalties.createTiers(id, [{ name: 'Regulars', points: { from: 10, to: 1000 } }])
  const fixed = { type: 'FIXED', points: 5 }
  const proportional = (calculation, rest) => ({ type: 'PROPORTIONAL', calculation_type: calculation, ...rest })
  const made = await loyalties.createEarningRule(id, [
    { event: 'customer.segment.entered', loyalty: fixed, segment: { id: segment.id } },
    { event: 'customer.loyalty.tier.joined', loyalty: fixed, loyalty_tier: { id: tier.id } },
    { event: 'order.paid', loyalty: proportional('ORDER_TOTAL_AMOUNT', { order: { total_amount: { every: 100, points: 1 } } }) },
    { event: 'order.paid', loyalty: proportional('ORDER_METADATA', { order: { metadata: { every: 1, points: 2, property: 'bags' } } }) },
    { event: 'order.paid', loyalty: proportional('CUSTOMER_METADATA', { customer: { metadata: { every: 1, points: 2, property: 'visits' } } }) },
    { event: 'seen', loyalty: proportional('CUSTOM_EVENT_METADATA', { custom_event: { metadata: { every: 1, points: 1, property: 'pages' } } }) },
    {
      event: 'order.paid', loyalty: fixed, pending_points: { period_type: 'DAY', period_value: 3 },
      start_date: '2026-01-01T00:00:00Z', active: true,
    },
  ])
  for (const rule of made) assert.equal((await loyalties.getEarningRule(id, rule.id)).event, rule.event)
})

test('tiers follow the points of members', async () => {
  const { id } = await program('Cocoa club')
  const [bronze, gold] = await loyalties.createTiers(id, [
    { name: 'Bronze', points: { from: 0, to: 99 }, metadata: { colour: 'brown' } },
    { name: 'Gold', points: { from: 100, to: 1000 } },
  ])
  assert.match(gold.id, /^ltr_/)
  assert.equal((await loyalties.getTier(id, bronze.id)).name, 'Bronze')
  assert.equal((await loyalties.listTiers(id, { limit: 10, order: '-created_at' })).total, 2)
  await loyalties.createEarningRule(id, [{ event: 'cocoa_visit', loyalty: { type: 'FIXED', points: 5 } }])
  assert.equal((await loyalties.listLoyaltyTierEarningRules(id, gold.id, { limit: 10 })).total, 1)

  const card = await loyalties.createMember(id, { customer: { source_id: 'loyalties-2' } })
  assert.deepEqual((await loyalties.listMemberLoyaltyTiers(card.code)).data.map(({ name }) => name), ['Bronze'])
  await loyalties.addPoints(id, card.code, { points: 150 })
  assert.deepEqual((await loyalties.listMemberLoyaltyTiers(card.code)).data.map(({ name }) => name), ['Gold'])
})

test('rewards are offered in a programme', async () => {
  const { id } = await program('Juice club')
  const mug = await rewards.create({ name: 'A mug', type: 'MATERIAL', parameters: { product: { id: 'prod_mug' } }, stock: 10 })
  const [offer] = await loyalties.createRewardAssignments(id, [{ reward: mug.id, parameters: { loyalty: { points: 50 } } }])
  assert.match(offer.id, /^rewa_/)
  assert.equal((await loyalties.getRewardAssignment(id, offer.id)).reward_id, mug.id)
  assert.equal((await loyalties.getRewardDetails(id, offer.id)).name, 'A mug')
  const cheaper = await loyalties.updateRewardAssignment(id, { id: offer.id, parameters: { loyalty: { points: 40 } } })
  assert.equal(cheaper.parameters.loyalty.points, 40)
  assert.equal((await loyalties.listRewardAssignments(id, { limit: 10, page: 1 })).total, 1)
  const [tier] = await loyalties.createTiers(id, [{ name: 'Everybody', points: { from: 0, to: 1000 } }])
  assert.equal((await loyalties.listLoyaltyTierRewards(id, tier.id)).total, 1)
  await loyalties.deleteRewardAssignment(id, offer.id)
  assert.equal((await loyalties.listRewardAssignments(id)).total, 0)
})
