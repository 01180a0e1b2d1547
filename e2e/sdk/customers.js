import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFile } from './files.js'
import { done, eventually, post, server } from './herald.js'

const { customers, consents } = server

const ada = {
  source_id: 'customers/ada @1', name: 'Ada Lovelace', email: 'ada.lovelace@customers.example', phone: '+44 20 7946 0001', birthdate: '1990-12-10',
  address: { city: 'London', country: 'GB', line_1: '12 St James’s Square' }, metadata: { tier: 'gold', visits: 3 },
}

test('customers are made, changed and found', async () => {
  const made = await customers.create(ada)
  assert.match(made.id, /^cust_/)
  assert.equal(made.object, 'customer')
  assert.deepEqual(made.metadata, ada.metadata)
  assert.equal((await customers.create({ ...ada, name: 'Ada King' })).id, made.id, 'whoever is there is changed')

  const found = await customers.get(ada.source_id)
  assert.equal(found.name, 'Ada King')
  const changed = await customers.update({ ...found, description: 'Countess', metadata: { visits: 4 } })
  assert.deepEqual(changed.metadata, { tier: 'gold', visits: 4 })
  assert.equal((await customers.update({ source_id: ada.source_id, phone: null })).phone, undefined)

  const listed = await customers.list({ email: ada.email, limit: 5, order: '-created_at' })
  assert.deepEqual([listed.total, listed.customers[0].id], [1, made.id])
})

test('customers are changed in bulk, by their source ids', async () => {
  await done(await customers.updateInBulk([{ source_id: 'customers-bulk-1', name: 'Grace Hopper' }, { source_id: 'customers-bulk-2' }]))
  await done(await customers.updateMetadataInBulk({ source_ids: ['customers-bulk-1', 'customers-bulk-3'], metadata: { newsletter: true } }))
  const grace = await customers.get('customers-bulk-1')
  assert.deepEqual([grace.name, grace.metadata], ['Grace Hopper', { newsletter: true }])
  assert.deepEqual((await customers.get('customers-bulk-3')).metadata, { newsletter: true })
})

test('customers are imported from a file', async () => {
  const path = await inFile('customers.csv', [
    'Source_id,Name,Email,city', 'imported-1,Mary Somerville,mary@customers.example,Jedburgh', 'imported-2,,nobody,X',
  ])
  const result = await done(await customers.importCSV(path))
  assert.deepEqual([result.done_count, result.failed_count], [1, 1])
  assert.deepEqual((await customers.get('imported-1')).metadata, { city: 'Jedburgh' })
})

test('all customers are scrolled through, in either direction', async () => {
  for (const order of ['created_at', '-created_at']) {
    const seen = new Set()
    for await (const customer of customers.scroll({ limit: 2, order })) seen.add(customer.id)
    assert.equal(seen.size, (await customers.list({ limit: 1 })).total)
  }
})

test('what happened to a customer is listed', async () => {
  const activity = await customers.listActivity(ada.source_id, { limit: 10, order: '-created_at' })
  assert.ok(activity.data.some(({ type }) => type === 'customer.created'))
  const older = await customers.listActivities(ada.source_id, { limit: 2 })
  assert.equal(older.data_ref, 'data')
})

test('a customer says what they agree to', async () => {
  const news = await post('/consents', { name: 'News', category: 'email', description: 'Once a week' })
  const { groups, consents: known } = await consents.list()
  assert.ok(known.data.some(({ id }) => id === news.id))
  assert.deepEqual(groups.data, [])
  assert.equal(await customers.updateConsents(ada.source_id, { [news.id]: true }), '')
  const given = await customers.listActivity(ada.source_id, { type: 'customer.consents.given' })
  assert.equal(given.data.length, 1)
})

test('the codes that a customer can use are listed', async () => {
  await server.vouchers.create({ code: 'CUSTOMERS-GIFT', type: 'GIFT_VOUCHER', gift: { amount: 1000 } })
  await server.distributions.publications.create({ voucher: 'CUSTOMERS-GIFT', customer: { source_id: ada.source_id } })
  const { data } = await eventually(() => customers.listRedeemables(ada.source_id), ({ data }) => data.length === 1)
  assert.equal(data[0].redeemable.voucher.code, 'CUSTOMERS-GIFT')
  assert.equal(data[0].redeemable.status, 'ACTIVE')
})

test('customers are deleted, and forgotten', async () => {
  await customers.delete('customers-bulk-2')
  const forgotten = await customers.deletePermanently('customers-bulk-3')
  assert.equal(forgotten.object, 'pernament_deletion')
})
