// What the SDK knows and Herald does not have, with the reason.
import { test } from 'node:test'
import { refused, server } from './herald.js'

const catalogue = 'there is no catalogue: orders say themselves what they are made of'

export const absent = {
  products: catalogue,
  productCollections: catalogue,
  categories: 'campaigns, vouchers and tiers have a free text as their category',
  metadataSchemas: 'metadata is kept as it comes',
}

for (const [resource, reason] of Object.entries(absent)) {
  test(`${resource}: none, because ${reason}`, async () => {
    await refused(server[resource].list(), 404, 'not_found', /.*/)
  })
}
