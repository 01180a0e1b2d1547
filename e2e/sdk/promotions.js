import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from './herald.js'

const { promotions, redemptions } = server
const customer = { source_id: 'promotions-1' }
const fiveOff = {
  name: 'Five off', banner: 'Five off whatever you buy', action: { discount: { type: 'AMOUNT', amount_off: 500 } }, metadata: { till: true },
}

test('promotion tiers are made, changed, redeemed and deleted', async () => {
  const { id } = await promotions.create({ name: 'Sale', campaign_type: 'PROMOTION', promotion: { tiers: [fiveOff] } })
  const tier = await promotions.tiers.create(id, { ...fiveOff, name: 'Ten percent', action: { discount: { type: 'PERCENT', percent_off: 10 } } })
  assert.match(tier.id, /^promo_/)
  assert.equal((await promotions.tiers.get(tier.id)).hierarchy, 2)
  assert.equal((await promotions.tiers.update({ ...tier, banner: 'A tenth off', hierarchy: 1 })).banner, 'A tenth off')
  assert.deepEqual((await promotions.tiers.list(id)).tiers.map(({ name }) => name), ['Ten percent', 'Five off'])
  const { tiers } = await promotions.tiers.listAll({ is_available: true, limit: 100, page: 1, order: '-created_at' })
  assert.ok(tiers.some((listed) => listed.id === tier.id))

  const redeemed = await promotions.tiers.redeem(tier.id, { customer, order: { amount: 5000 } })
  assert.equal(redeemed.order.total_amount, 4500)
  await promotions.tiers.delete(tier.id)
})

test('tiers are stacked', async () => {
  const { id } = await promotions.create({ name: 'Clearing', campaign_type: 'PROMOTION' })
  const first = await promotions.tiers.create(id, fiveOff)
  const second = await promotions.tiers.create(id, { ...fiveOff, name: 'Another five off' })
  const made = await promotions.stack.createInCampaign(id, { name: 'Both', tiers: { ids: [first.id, second.id], hierarchy_mode: 'MANUAL' } })
  assert.match(made.id, /^stack_/)
  assert.deepEqual((await promotions.stack.get(id, made.id)).tiers.ids, [first.id, second.id])
  assert.equal((await promotions.stack.update(id, made.id, { name: 'The two' })).name, 'The two')
  assert.equal((await promotions.stack.listInCampaign(id)).total, 1)
  assert.ok((await promotions.stack.list({ limit: 10, page: 1 })).data.some((stack) => stack.id === made.id))

  const stacked = await redemptions.redeemStackable({ redeemables: [{ object: 'promotion_stack', id: made.id }], customer, order: { amount: 5000 } })
  assert.equal(stacked.order.total_amount, 4000)
  await promotions.stack.delete(id, made.id)
})
