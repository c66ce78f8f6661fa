import { afterEach, beforeEach, expect, test } from 'vitest'
import { StoreFixture } from '../store-fixture.ts'

let fixture: StoreFixture
beforeEach(async () => {
  fixture = new StoreFixture()
  await fixture.create()
})
afterEach(() => fixture.remove())

test('a login by an alias is one query with as many looks into the database as an unknown address', async () => {
  const steps = async (address: string) => {
    const { rows } = await fixture.query(
      `explain query plan select * from mailboxes where id = coalesce((select m.id from mailboxes m where m.address = ?), (select a.mailbox_id from aliases a where a.address = ?))`,
      [address, address],
    )
    return rows.map(row => String(row['detail']))
  }
  const plan = await steps('info@example.com')
  expect(plan.filter(step => step.startsWith('SCAN'))).toEqual([])
  expect(plan).toEqual(await steps('nobody@example.com'))
})
