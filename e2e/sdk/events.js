import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from './herald.js'

const { customers, events } = server

test('what customers do is told', async () => {
  const told = await events.create('page_view', {
    customer: { source_id: 'events-1', name: 'Sofia Kovalevskaya' }, metadata: { page: '/tea', seconds: 12 },
  })
  assert.deepEqual([told.object, told.type, told.customer.source_id], ['event', 'page_view', 'events-1'])
  assert.deepEqual([told.referral, told.loyalty], [null, null])
  const { data } = await customers.listActivity('events-1', { type: 'customer.custom_event' })
  assert.equal(data.length, 1)
})
