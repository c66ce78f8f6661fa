/**
 * Signing in while others write: what takes something waits its turn, as every change does; what only notes a use is left out. A write beside a change
 * waits for some milliseconds, and would fail on a busy machine: a right code would be "try again".
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../open-store.ts'
import { SqliteConnection } from '../sqlite/sqlite-connection.ts'
import { StoreFixture, secret } from '../store-fixture.ts'

let fixture: StoreFixture
let store: Store
beforeEach(async () => {
  fixture = new StoreFixture()
  store = await fixture.create()
  await store.users.add({ login: 'anna' })
})
afterEach(() => fixture.remove())

/** While another process holds the lock, for several times as long as a write beside a change waits. */
async function whileOthersWrite<Result>(act: () => Promise<Result>): Promise<Result> {
  if (!fixture.isFile) return act()
  const [other, third] = [new SqliteConnection(fixture.path, 'write'), new SqliteConnection(fixture.path, 'write')]
  try {
    other.prepare('begin').run([])
    const acting = act()
    acting.catch(() => {})
    for (let tries = 0; tries < 5; tries += 1) {
      await new Promise(resolve => setImmediate(resolve))
      expect(() => third.prepare('begin').run([])).toThrow(expect.objectContaining({ code: 'STORE_BUSY' }))
    }
    other.prepare('commit').run([])
    return await acting
  } finally {
    third.close()
    other.close()
  }
}

test('a code, a passkey and the way out wait their turn', async () => {
  await store.credentials.setTotp('anna', secret('JBSWY3DPEHPK3PXP'), 100)
  const { user } = (await store.credentials.find('anna')) ?? expect.fail('nobody')
  const passkey = await store.passkeys.add('anna', { credentialId: 'one', publicKey: new Uint8Array([1]), counter: 1, transports: [], name: 'Laptop' })
  const session = await store.portalSessions.start('anna', { stage: 'full', agent: '', ip: '192.0.2.1', phc: null, by: 'passkey', replaces: undefined })
  const token = session?.token ?? expect.fail('no session')
  expect(await whileOthersWrite(() => store.credentials.takeTotpStep(user.id, 101))).toBe(true)
  expect(await whileOthersWrite(() => store.passkeys.use(passkey.id, 2))).toBe(true)
  await whileOthersWrite(() => store.portalSessions.leave(token))
  expect(await store.portalSessions.find(token)).toBeUndefined()
})

test('the use of a session and of a token is noted when there is room for it', async () => {
  const session = await store.portalSessions.start('anna', { stage: 'full', agent: '', ip: '192.0.2.1', phc: null, by: 'passkey', replaces: undefined })
  const { record } = await store.apiTokens.add('anna', { name: 'cron', scopes: ['read'] })
  fixture.now += 3_600_000
  expect(await whileOthersWrite(() => store.portalSessions.find(session?.token ?? secret('')))).toMatchObject({ user: { login: 'anna' } })
  await whileOthersWrite(() => store.apiTokens.used(record, '192.0.2.1'))
})

test('nothing else is written beside a change', () => {
  const folder = join(import.meta.dirname, '..')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts') && !file.includes('test'))
  const beside = files.flatMap(file => {
    const found = readFileSync(join(folder, file), 'utf8').match(/#context\.db\s*\.(?:updateTable|insertInto|deleteFrom)\('\w+'/g) ?? []
    return found.map(write => `${file} ${/'(\w+)'/.exec(write)?.[1]}`)
  })
  expect(beside.toSorted()).toEqual(['sign-in/api-tokens.ts api_tokens', 'sign-in/portal-sessions.ts portal_sessions'])
})
