import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from './loyalties.js'
import { refused, server } from './herald.js'

const { campaigns, rewards } = server

test('rewards of every kind are made, changed, listed and deleted', async () => {
  const { id: coupons } = await campaigns.create({
    name: 'Reward codes', campaign_type: 'DISCOUNT_COUPONS', type: 'AUTO_UPDATE',
    voucher: { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 20 }, code_config: { pattern: 'REWARD-########' } },
  })
  const code = await rewards.create({
    name: 'Twenty percent', type: 'CAMPAIGN', parameters: { campaign: { id: coupons } }, stock: 100, metadata: { season: 'spring' },
    attributes: { description: 'A code', image_url: 'https://shop.example/code.png' },
  })
  assert.match(code.id, /^rew_/)
  await rewards.create({ name: 'Pay with points', type: 'COIN', parameters: { coin: { exchange_ratio: 1, points_ratio: 10 } } })
  await rewards.create({ name: 'A poster', type: 'MATERIAL', parameters: { product: { id: 'prod_poster' } }, stock: 5 })

  assert.equal((await rewards.get(code.id)).name, 'Twenty percent')
  assert.equal((await rewards.update({ id: code.id, name: 'A fifth', stock: 50 })).stock, 50)
  const listed = await rewards.list({ limit: 100, page: 1 })
  assert.ok(listed.data.some(({ name }) => name === 'A fifth'))
  await rewards.delete(code.id)
  await refused(rewards.get(code.id), 404, 'not_found', /Cannot find reward/)
})

test('a reward is offered in several programmes', async () => {
  const club = await program('Readers')
  const book = await rewards.create({ name: 'A book', type: 'MATERIAL', parameters: { product: { id: 'prod_book' } } })
  const offer = await rewards.createAssignment(book.id, { campaign: club.id, parameters: { loyalty: { points: 30 } } })
  assert.match(offer.id, /^rewa_/)
  assert.equal((await rewards.getAssignment(book.id, offer.id)).parameters.loyalty.points, 30)
  await rewards.updateAssignment(book.id, { id: offer.id, parameters: { loyalty: { points: 25 } } })
  assert.deepEqual((await rewards.listAssignments(book.id, { limit: 10 })).data.map(({ parameters }) => parameters.loyalty.points), [25])
  await refused(rewards.createAssignment(book.id, { campaign: club.id, parameters: { loyalty: { points: 1 } } }), 409, 'duplicate_found', /./)
  await rewards.deleteAssignment(book.id, offer.id)
  assert.equal((await rewards.listAssignments(book.id)).total, 0)
})
