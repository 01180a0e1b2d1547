import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, server } from './herald.js'
import { program } from './loyalties.js'

const { campaigns, loyalties, redemptions, rewards } = server

// join makes somebody a member, and returns the code of their card.
const join = async (club, sourceID) => (await loyalties.createMember(club, { customer: { source_id: sourceID } })).code

test('members are found by their cards, with or without the programme', async () => {
  const { id } = await program('Walkers')
  const card = await join(id, 'walker-1')
  assert.equal((await loyalties.listMembers(id, { limit: 10, page: 1 })).total, 1)
  for (const club of [id, undefined]) {
    assert.equal((await loyalties.getMember(club, card)).code, card)
    assert.ok((await loyalties.listMemberActivity(club, card, { limit: 10 })).data.length > 0)
    assert.ok((await loyalties.getMemberActivities(club, card)).total > 0)
  }
})

test('points are added, taken, transferred and listed', async () => {
  const { id } = await program('Runners', {
    voucher: {
      type: 'LOYALTY_CARD', code_config: { pattern: 'RUN-########' },
      loyalty_card: { points: 0, expiration_rules: { period_type: 'MONTH', period_value: 3 } },
    },
  })
  const [card, other] = [await join(id, 'runner-1'), await join(id, 'runner-2')]
  const added = await loyalties.addPoints(id, card, { points: 100, reason: 'a marathon', source_id: 'runners-1' })
  assert.deepEqual([added.points, added.total, added.balance, added.type, added.object], [100, 100, 100, 'loyalty_card', 'balance'])
  assert.equal((await loyalties.addOrRemoveCardBalance(card, { points: 50, expiration_type: 'NON_EXPIRING' })).balance, 150)
  assert.equal((await loyalties.addOrRemoveCardBalance(card, { points: -30 }, id)).balance, 120)
  await refused(loyalties.addPoints(id, card, { points: -1000 }), 400, 'loyalty_card_points_exceeded', /./)

  await loyalties.addPoints(id, other, { points: 20 })
  const receiver = await loyalties.transferPoints(id, card, [{ code: other, points: 20, reason: 'shared', source_id: 'runners-2' }])
  assert.deepEqual([receiver.code, receiver.loyalty_card.balance], [card, 140])
  const { data: buckets } = await loyalties.getPointsExpiration(id, card, { limit: 10 })
  assert.equal(buckets.reduce((sum, { bucket }) => sum + bucket.total_points, 0), 140)

  const moved = await loyalties.listCardTransactions(card, id, { limit: 10 })
  assert.deepEqual(moved.data.map(({ type }) => type), ['POINTS_TRANSFER_IN', 'POINTS_REMOVAL', 'POINTS_ADDITION', 'POINTS_ADDITION'])
  assert.equal((await loyalties.listCardTransactions(card)).data.length, 4)
  for (const club of [id, undefined]) {
    assert.match((await loyalties.exportCardTransactions(card, club, { parameters: { fields: ['id', 'amount'] } })).id, /^exp_/)
  }
})

test('members redeem rewards', async () => {
  const { id } = await program('Swimmers')
  const card = await join(id, 'swimmer-1')
  await loyalties.addPoints(id, card, { points: 100 })
  const towel = await rewards.create({ name: 'A towel', type: 'MATERIAL', parameters: { product: { id: 'prod_towel' } } })
  const dear = await rewards.create({ name: 'A pool', type: 'MATERIAL', parameters: { product: { id: 'prod_pool' } } })
  await loyalties.createRewardAssignments(id, [
    { reward: towel.id, parameters: { loyalty: { points: 60 } } }, { reward: dear.id, parameters: { loyalty: { points: 6000 } } },
  ])
  assert.equal((await loyalties.listMemberRewards(card, {})).total, 2)
  const { data } = await loyalties.listMemberRewards(card, { affordable_only: true })
  assert.deepEqual(data.map(({ reward }) => reward.id), [towel.id])

  const redeemed = await loyalties.redeemReward(id, card, { reward: { id: towel.id }, metadata: { till: 4 } })
  assert.deepEqual([redeemed.result, redeemed.reward.id, redeemed.voucher.loyalty_card.balance], ['SUCCESS', towel.id, 40])
  await refused(loyalties.redeemReward(id, card, { reward: { id: dear.id } }), 400, 'loyalty_card_points_exceeded', /./)
})

test('rewards are codes, credits and money off, too', async () => {
  const { id } = await program('Climbers')
  const card = await join(id, 'climber-1')
  await loyalties.addPoints(id, card, { points: 1000 })
  const { id: coupons } = await campaigns.create({
    name: 'Climbing codes', campaign_type: 'DISCOUNT_COUPONS', type: 'AUTO_UPDATE',
    voucher: { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 20 }, code_config: { pattern: 'CLIMB-########' } },
  })
  const { id: presents } = await campaigns.create({
    name: 'Climbing presents', campaign_type: 'GIFT_VOUCHERS', type: 'AUTO_UPDATE',
    voucher: { type: 'GIFT_VOUCHER', gift: { amount: 0 }, code_config: { pattern: 'ROPE-########' } },
  })
  const offered = [
    await rewards.create({ name: 'A code', type: 'CAMPAIGN', parameters: { campaign: { id: coupons } } }),
    await rewards.create({ name: 'Credits', type: 'CAMPAIGN', parameters: { campaign: { id: presents, balance: 500 } } }),
  ]
  const coins = await rewards.create({ name: 'Money off', type: 'COIN', parameters: { coin: { exchange_ratio: 1, points_ratio: 1 } } })
  await loyalties.createRewardAssignments(id, [
    ...offered.map(({ id: reward }) => ({ reward, parameters: { loyalty: { points: 100 } } })), { reward: coins.id },
  ])
  for (const { id: reward } of offered) {
    const redeemed = await loyalties.redeemReward(id, card, { reward: { id: reward } })
    assert.equal(redeemed.reward.voucher.holder_id, redeemed.customer_id)
  }
  const paid = await loyalties.redeemReward(id, card, { reward: { id: coins.id, points: 50 }, order: { amount: 6000 } })
  assert.deepEqual([paid.order.total_amount, paid.loyalty_card.points], [1000, 50])
  assert.equal((await redemptions.rollback(paid.id, 'sent back')).redemption, paid.id)
})
