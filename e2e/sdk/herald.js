// Herald as an app sees it: the official SDK, told where Herald is.
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import sdk from '@voucherify/sdk'
import { watch } from './coverage.js'

const { HERALD_URL, HERALD_APP_ID, HERALD_APP_TOKEN, HERALD_CLIENT_ID, HERALD_CLIENT_TOKEN, HERALD_CLIENT_ORIGIN } = process.env

// server is what a shop's server calls.
export const server = watch('server', sdk.VoucherifyServerSide({
  applicationId: HERALD_APP_ID, secretKey: HERALD_APP_TOKEN, apiUrl: HERALD_URL,
}))

// page is what a shop's web page calls, for the customer of that source id.
export const page = (trackingId) => watch('page', sdk.VoucherifyClientSide({
  clientApplicationId: HERALD_CLIENT_ID, clientSecretKey: HERALD_CLIENT_TOKEN, apiUrl: HERALD_URL, origin: HERALD_CLIENT_ORIGIN, trackingId,
}))

// post is for what Herald has and the SDK has no method for.
export async function post(path, body) {
  const answer = await fetch(`${HERALD_URL}/v1${path}`, {
    method: 'POST',
    headers: { 'X-App-Id': HERALD_APP_ID, 'X-App-Token': HERALD_APP_TOKEN, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return answer.json()
}

// eventually asks until the answer is good; Herald finishes some things after it has answered.
export async function eventually(ask, good) {
  for (const end = Date.now() + 60_000; ;) {
    const answer = await ask()
    if (good(answer)) return answer
    assert.ok(Date.now() < end, `it never came: ${JSON.stringify(answer)}`)
    await wait(20)
  }
}

// done waits for what Herald does in the background, and returns its result.
export async function done({ async_action_id: id }) {
  assert.match(id, /^aa_/)
  const action = await eventually(() => server.asyncActions.get(id), ({ status }) => status === 'DONE' || status === 'FAILED')
  assert.equal(action.status, 'DONE', JSON.stringify(action))
  return action.result
}

// refused expects the error that the SDK throws, as the API documents it.
export async function refused(call, code, key, details) {
  const error = await call.then((answer) => assert.fail(`answered ${JSON.stringify(answer)}`), (thrown) => thrown)
  assert.equal(error.code, code, error.message)
  assert.equal(error.key, key)
  assert.match(error.details, details)
  assert.match(error.request_id, /^v-[0-9a-f]{16}$/)
  assert.notEqual(error.message, '')
  return error
}
