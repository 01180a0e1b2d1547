import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, server } from './herald.js'

test('what is not there is 404', async () => {
  const thrown = await refused(server.customers.get('errors/nobody'), 404, 'not_found', /Cannot find customer with id errors\/nobody/)
  assert.deepEqual([thrown.message, thrown.resource_id, thrown.resource_type], ['Resource not found', 'errors/nobody', 'customer'])
  await refused(server.vouchers.get('ERRORS-NOBODY'), 404, 'not_found', /ERRORS-NOBODY/)
  await refused(server.redemptions.redeem('ERRORS-NOBODY', {}), 404, 'not_found', /ERRORS-NOBODY/)
})

test('what is wrong with a call is 400, and says where', async () => {
  await refused(server.customers.create({ source_id: 'errors-1', email: 'nobody' }), 400, 'invalid_payload', /Property \.email/)
  await refused(server.customers.create({ source_id: 'errors-1', nmae: 'Ada' }), 400, 'invalid_payload', /Property \.nmae/)
  await refused(server.customers.list({ limit: 1000 }), 400, 'invalid_query_params', /limit/)
  await refused(server.customers.get('errors-1'), 404, 'not_found', /errors-1/)
})

test('what is there already is 409', async () => {
  const voucher = { code: 'ERRORS-TWICE', type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } }
  await server.vouchers.create(voucher)
  const thrown = await refused(server.vouchers.create(voucher), 409, 'duplicate_found', /ERRORS-TWICE/)
  assert.equal(thrown.message, 'Duplicated resource found')
})

test('the limits of a key are told, and what was done in the background', async () => {
  const limits = server.apiLimitsHandler
  assert.equal(limits.areLimitsAvailable(), true)
  assert.ok(limits.getRateLimit() >= limits.getRateLimitRemaining() && limits.getRateLimitRemaining() > 0)
  assert.equal(limits.getRetryAfter(), 0)
  assert.equal(limits.getLastResponseHeadersFromController()['x-rate-limit-type'], 'api_calls')

  const { async_actions: actions } = await server.asyncActions.list({ limit: 5 })
  assert.match(actions[0].id, /^aa_/)
})
