import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFile } from './files.js'
import { done, eventually, refused, server } from './herald.js'

const { campaigns, distributions } = server

const spring = {
  name: 'Spring codes', campaign_type: 'DISCOUNT_COUPONS', type: 'STATIC', vouchers_count: 3, metadata: { season: 'spring' },
  start_date: '2026-01-01T00:00:00Z', expiration_date: '2090-01-01T00:00:00Z', join_once: true,
  voucher: {
    type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 }, redemption: { quantity: 1 },
    code_config: { pattern: 'SPRING-########' },
  },
}

// made makes a campaign and waits for its codes.
const made = async (campaign) => {
  const { id } = await campaigns.create(campaign)
  return eventually(() => campaigns.get(id), ({ vouchers_generation_status: status }) => status === 'DONE')
}

test('campaigns make codes, and can be changed, switched off and deleted', async () => {
  const campaign = await made(spring)
  assert.match(campaign.id, /^camp_/)
  assert.equal((await campaigns.get(spring.name)).id, campaign.id, 'by its name too')

  const changed = await campaigns.update(campaign.id, { description: 'Ten percent', metadata: { year: 2026 } })
  assert.deepEqual(changed.metadata, { season: 'spring', year: 2026 })
  await campaigns.disable(campaign.id)
  assert.equal((await campaigns.get(campaign.id)).active, false)
  await campaigns.enable(campaign.id)

  const { campaigns: listed } = await campaigns.list({ limit: 100, page: 1 })
  assert.ok(listed.some(({ id }) => id === campaign.id))
  await done(await campaigns.delete(campaign.id, { force: true }))
  await refused(campaigns.get(campaign.id), 404, 'not_found', /Cannot find campaign/)
})

test('codes are added to a campaign: drawn, chosen, listed and from a file', async () => {
  const { id } = await made({ ...spring, name: 'Summer codes', vouchers_count: 0 })
  const drawn = await campaigns.addVoucher(id, { metadata: { by: 'hand' } })
  assert.match(drawn.code, /^SPRING-.{8}$/)
  const chosen = await campaigns.addCertainVoucher(id, 'CAMPAIGNS/CHOSEN 1', { additional_info: 'for the press' })
  assert.equal(chosen.code, 'CAMPAIGNS/CHOSEN 1')
  await done(await campaigns.addVoucher(id, {}, { vouchers_count: 2 }))
  await done(await campaigns.importVouchers(id, [{ code: 'CAMPAIGNS-TOLD-1' }, { code: 'CAMPAIGNS-TOLD-2', metadata: { by: 'list' } }]))
  const path = await inFile('codes.csv', ['Code,Active,by', 'CAMPAIGNS-FILE-1,true,file', 'CAMPAIGNS-FILE-2,true,file'])
  await done(await campaigns.importVouchersCSV(id, path))
  const { total } = await server.vouchers.list({ campaign: 'Summer codes' })
  assert.equal(total, 8)
})

test('the campaigns that would give a customer something are found', async () => {
  const { id } = await made({ ...spring, name: 'Autumn codes', vouchers_count: 2 })
  const found = await campaigns.qualifications.examine(
    { customer: { source_id: 'campaigns-1' }, order: { amount: 1000 } }, { limit: 50, audienceRulesOnly: false, order: '-created_at' },
  )
  assert.ok(found.data.some((campaign) => campaign.id === id))
})

test('there are campaigns of every kind', async () => {
  const gift = { type: 'GIFT_VOUCHER', gift: { amount: 5000 }, redemption: { quantity: null }, code_config: { pattern: 'PRESENT-########' } }
  const card = { type: 'LOYALTY_CARD', loyalty_card: { points: 10 }, code_config: { pattern: 'MEMBER-########' } }
  await made({ name: 'Presents', campaign_type: 'GIFT_VOUCHERS', type: 'AUTO_UPDATE', voucher: gift })
  await made({ name: 'Members', campaign_type: 'LOYALTY_PROGRAM', type: 'AUTO_UPDATE', voucher: card })
  const tiers = [{ name: 'Five', action: { discount: { type: 'AMOUNT', amount_off: 500 } } }]
  await made({ name: 'Promised', campaign_type: 'PROMOTION', promotion: { tiers } })
  await made({
    name: 'Friends', campaign_type: 'REFERRAL_PROGRAM', type: 'AUTO_UPDATE',
    voucher: { ...spring.voucher, code_config: { pattern: 'FRIEND-########' } },
    referral_program: { conversion_event_type: 'redemption' },
  })
  for (const name of ['Presents', 'Members', 'Friends']) {
    const { voucher } = await distributions.publications.create({ campaign: { name }, customer: { source_id: 'campaigns-2' } })
    assert.equal(voucher.campaign, name)
  }
})
