/** 10,000 logins make a bounded number of commits and of rows: they are recorded in batches, not one by one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { runLogins } from '../fixtures/clients/login-load.ts'
import { inTime, waitFor } from '../fixtures/deadline.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { StoreObserver } from '../fixtures/program/store-observer.ts'

const users = ['one@example.com', 'two@example.com']
const logins = 10_000
let stage: Stage
let accounts: ImapAccount[]

beforeAll(async () => {
  stage = await Stage.open({ users })
  await stage.gateway.serve()
  accounts = await Promise.all(users.map(user => stage.addAccount(user, 'Busy')))
})

afterAll(async () => await stage?.close())

test('10,000 logins', async () => {
  const observer = new StoreObserver(stage.gateway.dir)
  // The rows that two devices with a last connection and some activity have.
  for (const account of accounts) await runLogins({ accounts: [account], parallel: 1, goOn: started => started < 1 })
  const recorded = async () => (await stage.gateway.listDevices()).every(row => row.lastConnection !== null && row.sessions === 0)
  await waitFor('both recorded', 10_000, recorded, 200)
  const rowsBefore = observer.countRows()

  let commits = 0
  let version = observer.readVersion()
  // Looks far more often than batches may be written: a commit for each login would show as hundreds a second.
  const watch = setInterval(() => {
    const now = observer.readVersion()
    if (now !== version) commits++
    version = now
  }, 4)
  const start = performance.now()
  const result = await runLogins({
    accounts,
    parallel: 16,
    goOn: started => started < logins,
  })
  const seconds = (performance.now() - start) / 1000
  expect(result.failures).toEqual([])
  expect(result.succeeded).toBe(logins)
  await waitFor('all ended', 10_000, recorded, 200)
  clearInterval(watch)
  console.info(`10,000 logins in ${seconds.toFixed(1)} s, ${commits} commits`)

  // At most five batches a second and the gateway's heartbeat.
  expect(commits).toBeLessThan(6 * (seconds + 5))
  expect(commits).toBeLessThan(logins / 10)
  // Repeats are counted in one row.
  expect(observer.countRows() - rowsBefore).toBeLessThan(50)
  observer.close()
  const rows = await stage.gateway.listDevices()
  for (const row of rows) expect(Date.now() - Date.parse(row.lastConnection?.at ?? '')).toBeLessThan(inTime(30_000))
})
