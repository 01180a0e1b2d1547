import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, server } from './herald.js'

const { customers, segments } = server

test('a segment keeps itself up to date', async () => {
  await customers.create({ source_id: 'segments-1', name: 'Caroline Herschel', metadata: { observatory: 'Slough' } })
  const made = await segments.create({
    name: 'Stargazers', type: 'auto-update',
    filter: { junction: 'and', 'metadata.observatory': { conditions: { $is: ['Slough'] } } },
  })
  await eventually(() => segments.get(made.id), ({ initial_sync_status: status }) => status === 'DONE')
  const { data } = await segments.list('segments-1')
  assert.deepEqual(data, [{ id: made.id, name: 'Stargazers', object: 'segment' }])

  await customers.update({ source_id: 'segments-1', metadata: { observatory: 'Bath' } })
  assert.equal((await segments.list('segments-1')).total, 0)
  await segments.delete(made.id)
})

test('a static segment holds whom one puts there', async () => {
  const { id } = await customers.create({ source_id: 'segments-2' })
  const made = await segments.create({ name: 'Chosen', type: 'static', customers: [id] })
  assert.equal((await segments.list('segments-2')).data[0].id, made.id)
})
