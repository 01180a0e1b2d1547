import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, server } from './herald.js'

const { campaigns, distributions: { publications } } = server
const customer = { source_id: 'publications-1', name: 'Hypatia' }

test('customers are given codes of a campaign', async () => {
  await campaigns.create({
    name: 'Handed out', campaign_type: 'DISCOUNT_COUPONS', type: 'AUTO_UPDATE',
    voucher: { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 }, code_config: { pattern: 'GIVEN-########' } },
  })
  const given = await publications.create({ campaign: { name: 'Handed out', count: 1 }, customer, channel: 'newsletter', metadata: { issue: 7 } })
  assert.deepEqual([given.result, given.channel, given.customer.source_id], ['SUCCESS', 'newsletter', customer.source_id])
  assert.match(given.voucher.code, /^GIVEN-/)
  const several = await publications.create({ campaign: { name: 'Handed out', count: 3 }, customer })
  assert.equal(several.vouchers.length, 3)

  const again = { campaign: { name: 'Handed out' }, customer, source_id: 'publications-order-1' }
  assert.equal((await publications.create(again)).voucher.code, (await publications.create(again)).voucher.code)
  assert.equal((await publications.create({ campaign: { name: 'Handed out' }, customer, join_once: true })).voucher.campaign, 'Handed out')
})

test('a voucher is given once', async () => {
  await server.vouchers.create({ code: 'PUBLICATIONS-ONE', type: 'DISCOUNT_VOUCHER', discount: { type: 'AMOUNT', amount_off: 500 } })
  await publications.create({ voucher: 'PUBLICATIONS-ONE', customer })
  await refused(publications.create({ voucher: 'PUBLICATIONS-ONE', customer }), 400, 'voucher_already_published', /has already been published/)
})

test('what was given, and what could not be, is listed', async () => {
  const given = await publications.list({ campaign: 'Handed out', limit: 100, order: '-created_at' })
  assert.equal(given.total, 3)
  const failed = await publications.list({ customer: customer.source_id, result: 'FAILURE' })
  assert.deepEqual(failed.publications.map(({ failure_code: code }) => code), ['voucher_already_published'])
})
