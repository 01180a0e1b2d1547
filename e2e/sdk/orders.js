import assert from 'node:assert/strict'
import { test } from 'node:test'
import { done, server } from './herald.js'

const { customers, orders } = server
const customer = { source_id: 'orders-1', name: 'Emmy Noether' }

const tea = {
  source_id: 'orders-tea', status: 'CREATED', customer, metadata: { basket: 'evening' },
  items: [
    { source_id: 'tea', related_object: 'product', quantity: 2, price: 450, product: { name: 'Assam', metadata: { origin: 'India' } } },
    { product_id: 'cup', quantity: 1, price: 1200 },
  ],
}

test('orders are made, changed and listed', async () => {
  const made = await orders.create(tea)
  assert.match(made.id, /^ord_/)
  assert.equal(made.amount, 2100)
  assert.equal((await orders.create(tea)).id, made.id, 'an order that is there is changed')
  assert.equal((await orders.get(made.id)).items[0].amount, 900)

  assert.equal((await orders.update({ id: made.id, status: 'PAID' })).status, 'PAID')
  assert.equal((await orders.update({ source_id: tea.source_id, metadata: { basket: 'morning' } })).metadata.basket, 'morning')
  const { summary } = await customers.get(customer.source_id)
  assert.deepEqual([summary.orders.total_count, summary.orders.total_amount], [1, 2100])

  const listed = await orders.list({ limit: 1, page: 1 })
  assert.equal(listed.orders.length, 1)
})

test('orders of the past are imported', async () => {
  const result = await done(await orders.import([
    { source_id: 'orders-old-1', status: 'PAID', amount: 500, customer: { source_id: 'orders-2' }, created_at: '2020-02-29T12:00:00Z' },
    { source_id: 'orders-old-2', status: 'CANCELED', amount: 700, customer: { source_id: 'orders-2' } },
  ]))
  assert.ok(result)
  assert.equal((await orders.get('orders-old-1')).created_at, '2020-02-29T12:00:00.000Z')
})
