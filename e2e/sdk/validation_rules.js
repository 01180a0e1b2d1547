import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, server } from './herald.js'

const { redemptions, validationRules, vouchers } = server

test('rules limit who can redeem what they are assigned to', async () => {
  const made = await validationRules.create({
    name: 'Large orders of gold customers', error: { message: 'Not for this order' },
    rules: {
      1: { name: 'order.amount', property: null, conditions: { $more_than: [5000] }, rules: {} },
      2: { name: 'customer.metadata', property: 'tier', conditions: { $is: ['gold'] }, rules: {}, error: { message: 'For gold customers' } },
      logic: '1 and 2',
    },
    applicable_to: { included: [], excluded: [], included_all: false }, type: 'advanced', context_type: 'global',
  })
  assert.match(made.id, /^val_/)
  assert.equal((await validationRules.get(made.id)).rules.logic, '1 and 2')
  assert.equal((await validationRules.update({ ...made, name: 'Large orders of our best customers' })).name, 'Large orders of our best customers')
  assert.ok((await validationRules.list({ limit: 100, page: 1, order: '-created_at' })).data.some(({ id }) => id === made.id))

  const tried = await validationRules.validate(made.id, { customer: { source_id: 'rules-2', metadata: { tier: 'gold' } }, order: { amount: 6000 } })
  assert.equal(tried.valid, true)

  const voucher = await vouchers.create({ code: 'RULES-TEN', type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } })
  const assignment = await validationRules.createAssignment(made.id, { voucher: voucher.id })
  assert.match(assignment.id, /^asgm_/)
  assert.equal((await validationRules.listAssignments(made.id, { limit: 10 })).total, 1)
  assert.equal((await validationRules.listRulesAssignments({ related_object_id: voucher.id })).data[0].rule_id, made.id)
  assert.equal((await vouchers.get('RULES-TEN')).validation_rules_assignments.total, 1)

  const order = { amount: 6000 }
  const attempt = redemptions.redeem('RULES-TEN', { customer: { source_id: 'rules-1' }, order })
  const thrown = await refused(attempt, 400, 'customer_rules_violated', /RULES-TEN/)
  assert.equal(thrown.error.message, 'For gold customers')
  await redemptions.redeem('RULES-TEN', { customer: { source_id: 'rules-1', metadata: { tier: 'gold' } }, order })

  await validationRules.deleteAssignment(made.id, assignment.id)
  await validationRules.delete(made.id)
  await refused(validationRules.get(made.id), 404, 'not_found', /Cannot find/)
})
