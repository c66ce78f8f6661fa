/** `kill -9` during 200 logins a second: the store opens clean, every device is there, no last connection older than a second is lost. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { runLogins } from '../fixtures/clients/login-load.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import type { NewDevice } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { StoreObserver } from '../fixtures/program/store-observer.ts'

const users = Array.from({ length: 4 }, (_, index) => `user${index}@example.com`)
const devicesEach = 3
/** Logins before the plug is pulled: five seconds at 200 a second. */
const loginsBefore = 1000
let stage: Stage
let devices: NewDevice[]

beforeAll(async () => {
  stage = await Stage.open({ users })
  devices = []
  for (const user of users) for (let index = 0; index < devicesEach; index++) devices.push(await stage.gateway.addDevice(user, `Device ${index}`))
})

afterAll(async () => await stage?.close())

for (const round of [1, 2, 3]) {
  test(`round ${round}`, async () => {
    await stage.gateway.serve()
    const accounts: ImapAccount[] = devices.map(device => stage.gateway.account(device.mailbox, device.password))
    /** Of each account: when its logins were sent and answered. */
    const answered = new Map<ImapAccount, { sentAt: number; answeredAt: number }[]>(accounts.map(account => [account, []]))
    let killedAt = 0
    let dead: Promise<void> | undefined
    let succeeded = 0
    const start = Date.now()
    await runLogins({
      accounts,
      parallel: 24,
      goOn: () => dead === undefined,
      onLogin(account, sentAt, answeredAt) {
        answered.get(account)?.push({ sentAt, answeredAt })
        if (++succeeded === loginsBefore) {
          killedAt = Date.now()
          dead = stage.gateway.kill()
        }
      },
    })
    await dead
    console.info(`${((loginsBefore / (killedAt - start)) * 1000).toFixed(0)} logins a second`)

    const observer = new StoreObserver(stage.gateway.dir)
    expect(observer.integrity()).toBe('ok')
    observer.close()
    const rows = await stage.gateway.listDevices()
    expect(rows.map(row => row.id).sort()).toEqual(devices.map(device => device.id).sort())
    for (const [index, account] of accounts.entries()) {
      const old = answered.get(account)?.filter(login => login.answeredAt <= killedAt - 1000) ?? []
      expect(old.length).toBeGreaterThan(0)
      const at = Date.parse(rows.find(row => row.id === devices[index]?.id)?.lastConnection?.at ?? '')
      expect(at).toBeGreaterThanOrEqual(old.at(-1)?.sentAt ?? Number.POSITIVE_INFINITY)
    }

    // Up again: everybody gets in.
    await stage.gateway.serve()
    for (const device of devices) (await logIn(stage.gateway.account(device.mailbox, device.password))).destroy()
    await stage.gateway.stopServe()
  })
}

test('no session of a killed process stays in the list', async () => {
  // A node counts as gone when its heartbeat is 10 s old.
  await waitFor('an empty list', 15_000, async () => (await stage.gateway.listSessions()).length === 0, 200)
})
