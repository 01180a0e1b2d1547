// The walk: one file for each resource, and in the end a look at what was left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missed } from './coverage.js'
import './customers.js'
import './segments.js'
import './orders.js'
import './events.js'
import './campaigns.js'
import './vouchers.js'
import './publications.js'
import './exports.js'
import './redemptions.js'
import './validations.js'
import './loyalties.js'
import './loyalty_members.js'
import './rewards.js'
import './promotions.js'
import './validation_rules.js'
import './client_side.js'
import './errors.js'
import { absent } from './absent.js'

test('every method was called and answered', () => {
  const without = Object.keys(absent)
  const left = missed().filter((method) => !without.some((resource) => method.startsWith(`server.${resource}.`)))
  assert.equal(left.join(' '), '')
})
