/** A store moves into the other database while it is used: nothing is lost, whenever the command is killed and whatever is changed meanwhile. */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId, SessionId } from '../../base/ids.ts'
import { openGatewayStore } from '../gateway-side/open-gateway-store.ts'
import { type CopiedTable, digestOf, TABLES } from '../maintenance/copy-rows.ts'
import { type MoveStep, moveStore } from '../maintenance/move-store.ts'
import { restoreStore } from '../maintenance/restore.ts'
import { openBackend, type StoreConfig } from '../open-backend.ts'
import { createStore, migrateStore, openStore, type Store } from '../open-store.ts'
import { normaliseSecret } from '../passwords/app-password.ts'
import { ACTOR, StoreFixture, secret } from '../store-fixture.ts'

const anna = 'anna@example.com'
let fixture: StoreFixture
let sqlite: StoreConfig
let opened: { close(): Promise<void> }[]

beforeEach(async () => {
  fixture = new StoreFixture({ origin: 'new' })
  sqlite = { url: `sqlite:${join(fixture.dir, 'other', 'mailwicket.db')}`, sqlitePath: join(fixture.dir, 'other', 'mailwicket.db') }
  opened = []
})
afterEach(async () => {
  for (const one of opened) await one.close().catch(() => undefined)
  await fixture.remove()
})

const keep = <One extends { close(): Promise<void> }>(one: One): One => {
  opened.push(one)
  return one
}
const open = async (store: StoreConfig) => keep((await openStore({ config: { store, generatedOnly: false }, keyring: fixture.loadKeyring() })).as(ACTOR))
const openGateway = async (store: StoreConfig) => keep(await openGatewayStore({ config: { store }, keyring: fixture.loadKeyring() }))
type Node = Awaited<ReturnType<typeof openGateway>>

/** Both directions: what it moves from, with a store in it, and an empty place. */
const ways = {
  'SQLite to PostgreSQL': async () => {
    await fixture.makePlace()
    return { from: sqlite, to: fixture.config.store }
  },
  'PostgreSQL to SQLite': async () => {
    await fixture.makePlace()
    return { from: fixture.config.store, to: sqlite }
  },
}
const eachWay = Object.entries(ways)

async function fill(store: StoreConfig): Promise<Store> {
  const made = await createStore({ config: { store, generatedOnly: false }, keyring: fixture.loadKeyring(), actor: ACTOR })
  const own = keep(made.as(ACTOR))
  await own.users.add({ login: 'anna', name: 'Anna Ærø' })
  await own.credentials.setPassword('anna', 'phc')
  await own.mailboxes.add({ address: anna, upstream: 'main', secret: secret('upstream-marker'), note: 'Zoë’s "desk"' })
  await own.mailboxes.add({ address: 'ünï@example.com', upstream: 'main' })
  await own.aliases.add(anna, 'info@example.com')
  await own.devices.add(anna, { name: 'Büro', user: 'anna', allowFrom: ['192.0.2.0/24'] })
  await own.sending.set({ mailbox: anna }, { recipientsPerDay: 7 })
  return own
}

const connect = (node: Node, device: DeviceId, at: number) =>
  node.record({
    connections: [{ device, at, ip: '192.0.2.1', protocol: 'imap', app: `App ${at}`, tls: 'TLSv1.3' }],
    activity: [{ at, address: anna, device, result: 'ok', protocol: 'imap', ip: '192.0.2.1', app: null }],
    sessions: [{ id: `s${at}` as SessionId, device, protocol: 'imap', ip: '192.0.2.1', app: null, since: at, bytesIn: 0, bytesOut: 0 }],
    endedSessions: [],
    sent: [{ device, recipients: 1, at }],
  })

/** All that is to be the same in both; the generation of a store that has moved is told by its sign. */
async function digestsOf(store: StoreConfig): Promise<CopiedTable[]> {
  const backend = keep(await openBackend(store, 'write'))
  const tables: CopiedTable[] = []
  for (const table of TABLES) if (!['audit', 'generation', 'nodes', 'sessions'].includes(table)) tables.push(await digestOf(backend.db, table))
  return tables
}

async function auditOf(store: StoreConfig): Promise<unknown[]> {
  const backend = keep(await openBackend(store, 'write'))
  return backend.db.selectFrom('audit').selectAll().orderBy('id').execute()
}

/** The target has what the source had, and the move in its audit. */
async function expectMoved(from: StoreConfig, to: StoreConfig): Promise<void> {
  expect(await digestsOf(to)).toEqual(await digestsOf(from))
  const [before, after] = [await auditOf(from), await auditOf(to)]
  expect(after.slice(0, -1)).toEqual(before)
  expect(after.at(-1)).toMatchObject({ action: 'store.moved', actor: 'root', subject: 'store' })
}

const stopAt = (step: MoveStep) => (reached: MoveStep) => {
  if (reached === step) throw new Error(`stopped at ${step}`)
}

describe.each(eachWay)('%s', (_way, placesOf) => {
  test('what is changed after the copy is in the target, and the old place lets nobody in and takes nothing any more', async () => {
    const { from, to } = await placesOf()
    const store = await fill(from)
    const node = await openGateway(from)
    const phone = await store.devices.add(anna, { name: 'Phone' })
    const tablet = await store.devices.add(anna, { name: 'Tablet' })
    await connect(node, phone.device.id, 1)
    await expect(moveStore({ from, to, actor: ACTOR, onStep: stopAt('copied') })).rejects.toThrow('stopped at copied')

    // Names that change places, rows that go, rows that come, rows of gateways.
    await store.devices.revoke([phone.device.id])
    await store.devices.rename(tablet.device.id, 'Phone')
    const later = await store.devices.add(anna, { name: 'Later' })
    await store.mailboxes.remove('ünï@example.com')
    await store.mailboxes.set(anna, { note: 'changed' })
    await store.users.add({ login: 'bert' })
    await connect(node, tablet.device.id, 7)
    await expect(open(to)).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' })
    await expect(openGateway(to)).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' })
    await expect(migrateStore({ config: { store: to, generatedOnly: false }, actor: ACTOR })).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' })

    const steps: MoveStep[] = []
    const counts: number[] = []
    const moved = await moveStore({
      from,
      to,
      actor: ACTOR,
      onStep: step => steps.push(step),
      onProgress: ({ done, total }) => counts.push(done / total),
    })
    expect(steps).toEqual(['resumed', 'copied', 'held', 'compared', 'closed', 'done'])
    expect(counts.filter(share => share === 1).length).toBeGreaterThanOrEqual(2)
    expect(moved.tables.find(({ table }) => table === 'devices')?.rows).toBe(4)
    await expectMoved(from, to)

    // The old place, for whoever still has it open and whoever opens it.
    const isMoved = { code: 'STORE_MOVED', message: `the store has moved to ${to.url}` }
    await expect(node.findLogin(anna, normaliseSecret(later.password))).rejects.toMatchObject(isMoved)
    await expect(node.findLogin('nobody@example.com', normaliseSecret(later.password))).rejects.toMatchObject(isMoved)
    await expect(node.readGeneration()).rejects.toMatchObject(isMoved)
    await expect(connect(node, tablet.device.id, 8)).rejects.toMatchObject(isMoved)
    await expect(store.devices.revoke([later.device.id])).rejects.toMatchObject(isMoved)
    for (const again of [() => open(from), () => openGateway(from), () => migrateStore({ config: { store: from, generatedOnly: false }, actor: ACTOR })])
      await expect(again()).rejects.toMatchObject(isMoved)

    // The new one goes on.
    const next = await open(to)
    expect((await next.mailboxes.openSecret(anna))?.reveal().toString()).toBe('upstream-marker')
    expect(await next.devices.get(tablet.device.id)).toMatchObject({ name: 'Phone', lastConnection: { at: 7, app: 'App 7' } })
    expect((await next.devices.get(phone.device.id)).state).toBe('revoked')
    expect(await next.sessions.list()).toEqual([])
    const newNode = await openGateway(to)
    expect((await newNode.findLogin(anna, normaliseSecret(later.password)))?.devices.map(({ id }) => id)).toContain(later.device.id)
    await connect(newNode, later.device.id, 9)
    await next.devices.revoke([later.device.id])
    expect((await next.audit.list()).at(-1)).toMatchObject({ action: 'device.revoked' })
    // Run once more, as by a script that did not hear the end.
    expect(await moveStore({ from, to, actor: ACTOR })).toEqual({ tables: [] })
    expect(await next.devices.get(later.device.id)).toMatchObject({ state: 'revoked' })
  })

  test('changes of commands and gateways during the whole move: each that was done is in the target', async () => {
    const { from, to } = await placesOf()
    const store = await fill(from)
    const node = await openGateway(from)
    const { device } = await store.devices.add(anna, { name: 'Phone' })
    const names: string[] = []
    let latest = 0
    const untilMoved = async (act: (n: number) => Promise<void>): Promise<unknown> => {
      for (let n = 1; ; n++) {
        const error = await act(n).then(
          () => undefined,
          failure => failure,
        )
        if (error !== undefined) return error
        await new Promise(setImmediate)
      }
    }
    const commands = untilMoved(async n => {
      await store.devices.add(anna, { name: `Added ${n}` })
      names.push(`Added ${n}`)
    })
    const gateways = untilMoved(async n => {
      await connect(node, device.id, n)
      latest = n
    })
    await moveStore({ from, to, actor: ACTOR })
    expect(await commands).toMatchObject({ code: 'STORE_MOVED' })
    expect(await gateways).toMatchObject({ code: 'STORE_MOVED' })
    const next = await open(to)
    expect((await next.devices.list()).map(({ name }) => name).filter(name => name.startsWith('Added')).length).toBe(names.length)
    expect((await next.devices.get(device.id)).lastConnection?.at).toBe(latest)
    await expectMoved(from, to)
  })

  test('killed at any step and run again, it ends the same', async () => {
    const { from, to } = await placesOf()
    let store = await fill(from)
    // Each costs a process; nothing in between asks which database it is.
    const moments = from === sqlite ? ['begun', 'rows 1', 'rows 6', 'copied', 'held', 'compared', 'closed'] : ['rows 6', 'held', 'closed']
    for (const [n, killedAt] of moments.entries()) {
      await store.devices.add(anna, { name: `Before ${n}` })
      await store.devices.rename(`${anna}/Before ${n}`, `Renamed ${n}`)
      await store.close()
      const { signal, stderr } = spawnSync(
        process.execPath,
        [fileURLToPath(new URL('move-fixture.ts', import.meta.url)), JSON.stringify({ from, to, actor: ACTOR, killedAt })],
        { encoding: 'utf8' },
      )
      expect({ killedAt, signal, stderr }).toEqual({ killedAt, signal: 'SIGKILL', stderr: '' })
      await expect(open(to)).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' })
      if (killedAt !== 'closed') store = await open(from)
    }
    await expect(open(from)).rejects.toMatchObject({ code: 'STORE_MOVED' })
    await moveStore({ from, to, actor: ACTOR })
    await expectMoved(from, to)
    const next = await open(to)
    expect(await next.devices.count()).toBe(1 + moments.length)
    // And it lets people in.
    const { device, password } = await next.devices.add(anna, { name: 'Last' })
    const node = await openGateway(to)
    expect(await node.readGeneration()).toBeGreaterThan(0)
    expect((await node.findLogin(anna, normaliseSecret(password)))?.devices.map(({ id }) => id)).toContain(device.id)
  })
})

test('a target that holds anything else is refused and not touched: a store, the beginning of another move, what another run has taken over', async () => {
  const { from, to } = await ways['SQLite to PostgreSQL']()
  await fill(from)
  const other = { url: 'sqlite:third.db', sqlitePath: join(fixture.dir, 'third.db') }
  await fill(other)
  await expect(moveStore({ from, to: other, actor: ACTOR })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', reason: 'database.has-store' })
  await expect(moveStore({ from, to: from, actor: ACTOR })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', reason: 'database.has-store' })
  await expect(moveStore({ from, to, actor: ACTOR, onStep: stopAt('copied') })).rejects.toThrow('stopped at copied')
  await expect(moveStore({ from: other, to, actor: ACTOR })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', reason: 'move.other-store' })
  await expect(moveStore({ from: to, to: { url: 'sqlite:fourth.db', sqlitePath: join(fixture.dir, 'fourth.db') }, actor: ACTOR })).rejects.toMatchObject({
    code: 'STORE_INCOMPLETE',
  })

  // Two at once: the one that came first must not write behind the back of the one that ended it.
  let second: Promise<PromiseSettledResult<unknown>[]> | undefined
  const first = moveStore({
    from,
    to,
    actor: ACTOR,
    onStep: step => {
      if (step === 'resumed') second = Promise.allSettled([moveStore({ from, to, actor: ACTOR })])
    },
  })
  const ends = [...(await Promise.allSettled([first])), ...((await second) ?? [])]
  expect(ends.map(({ status }) => status)).toContain('fulfilled')
  await expectMoved(from, to)
  // And nowhere else.
  await expect(moveStore({ from, to: { url: 'sqlite:fifth.db', sqlitePath: join(fixture.dir, 'fifth.db') }, actor: ACTOR })).rejects.toMatchObject({
    code: 'STORE_MOVED',
  })
})

test('run again where the target is not there any more: the closed store does not become a second one, nor a backup that is half of one', async () => {
  const { from, to } = await ways['PostgreSQL to SQLite']()
  await (await fill(from)).close()
  const target = to.sqlitePath ?? ''
  await expect(moveStore({ from, to, actor: ACTOR, onStep: stopAt('copied') })).rejects.toThrow('stopped at copied')
  const restoring = restoreStore({
    config: { store: { url: 'sqlite:half.db', sqlitePath: join(fixture.dir, 'half.db') }, dataDir: fixture.dir },
    keyring: fixture.loadKeyring(),
    actor: ACTOR,
    file: target,
  })
  await expect(restoring).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' })
  await moveStore({ from, to, actor: ACTOR })
  rmSync(target)
  await expect(moveStore({ from, to, actor: ACTOR })).rejects.toMatchObject({ code: 'STORE_MOVED' })
  expect(existsSync(target)).toBe(false)
})

test('when the new database is lost before it was used, the old file is restored as a backup is', async () => {
  const { from, to } = await ways['SQLite to PostgreSQL']()
  const store = await fill(from)
  await store.close()
  await moveStore({ from, to, actor: ACTOR })
  const again = { url: 'sqlite:again.db', sqlitePath: join(fixture.dir, 'again.db') }
  await restoreStore({ config: { store: again, dataDir: fixture.dir }, keyring: fixture.loadKeyring(), actor: ACTOR, file: from.sqlitePath ?? '' })
  const restored = await open(again)
  expect(await restored.devices.count()).toBe(1)
  await restored.devices.rename(`${anna}/Büro`, 'Office')
  expect(await (await openGateway(again)).readGeneration()).toBeGreaterThan(0)
})
