import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, server } from './herald.js'

const { customers, distributions: { exports } } = server

test('what Herald holds is exported as files', async () => {
  await customers.create({ source_id: 'exports-1', name: 'Maryam Mirzakhani' })
  const filters = { junction: 'and', source_id: { conditions: { $is: ['exports-1'] } } }
  const asked = await exports.create({
    exported_object: 'customer', parameters: { fields: ['source_id', 'name'], order: '-created_at', filters },
  })
  assert.match(asked.id, /^exp_/)
  const ready = await eventually(() => exports.get(asked.id), ({ status }) => status === 'DONE')
  const file = await (await fetch(ready.result.url)).text()
  assert.equal(file.trim(), 'source_id,name\nexports-1,Maryam Mirzakhani')

  const { exports: listed } = await exports.list({ limit: 10, order: '-created_at' })
  assert.ok(listed.some(({ id }) => id === asked.id))
  await exports.delete(asked.id)
})
