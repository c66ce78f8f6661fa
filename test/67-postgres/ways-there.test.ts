/** The ways to PostgreSQL: each mode of TLS, client certificates, passwords, and PgBouncer in transaction mode between. */
import { chmodSync, chownSync, copyFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { parseStoreUrl } from '../../config/store-url.ts'
import { openGatewayStore } from '../../store/gateway-side/open-gateway-store.ts'
import { createKeyFile, keyFilePath } from '../../store/keys/master-key.ts'
import { restoreStore } from '../../store/maintenance/restore.ts'
import { createStore, type Store } from '../../store/open-store.ts'
import { openPostgres } from '../../store/postgres/postgres-backend.ts'
import { PostgresServer } from '../../store/postgres-server-fixture.ts'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'
import { openAuthority, type TestAuthority, type TestCertificate } from '../fixtures/test-certificate.ts'

let server: PostgresServer
let ours: TestAuthority
let foreign: TestAuthority
let client: TestCertificate
let dir: string

beforeAll(async () => {
  dir = makeTempDir()
  ours = await openAuthority(dir)
  foreign = await openAuthority(makeTempDir())
  client = await ours.issue('gw', 'gw')
  const { cert, key } = await ours.issue('database')
  server = await PostgresServer.start(["listen_addresses='127.0.0.1,127.0.0.2'"])
  server.sql('postgres', 'create role gw login')
  server.sql('postgres', "create role typed login password 'marker+67'")
  for (const [from, to] of [
    [cert, 'server.crt'],
    [key, 'server.key'],
    [ours.ca, 'root.crt'],
  ] as const)
    give(from, to)
  writeFileSync(
    join(server.data, 'pg_hba.conf'),
    [
      'local all all trust',
      'hostssl all gw 127.0.0.0/8 cert',
      'host all typed 127.0.0.0/8 scram-sha-256',
      'hostssl tls all 127.0.0.0/8 trust',
      'hostnossl tls all 127.0.0.0/8 reject',
      'host all all 127.0.0.0/8 trust',
      '',
    ].join('\n'),
  )
  server.sql('postgres', 'create database tls')
  for (const [name, value] of [
    ['ssl', 'on'],
    ['ssl_ca_file', 'root.crt'],
  ])
    server.sql('postgres', `alter system set ${name} = '${value}'`)
  server.sql('postgres', 'select pg_reload_conf()')
})
afterAll(() => server?.remove())

/** To the server, whose file it has to be. */
function give(from: string, to: string): void {
  const path = join(server.data, to)
  copyFileSync(from, path)
  const { uid, gid } = statSync(server.data)
  chownSync(path, uid, gid)
  chmodSync(path, 0o600)
}

/** `ok`, or the code of the error. */
async function tryUrl(rest: string, { host = 'localhost', user = 'mailwicket' } = {}): Promise<string> {
  const parsed = parseStoreUrl(`postgres://${user}@${host}:${server.port}/tls?${rest}`)
  const postgres = 'postgres' in parsed ? parsed.postgres : undefined
  if (postgres === undefined) throw new Error('no URL of PostgreSQL')
  const backend = openPostgres(postgres, 'place', 'write')
  try {
    const { rows } = await sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(backend.db)
    return rows[0]?.ssl ? 'TLS' : 'plain'
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await backend.close()
  }
}

describe('TLS', () => {
  test.each<readonly [string, () => Promise<string>, string]>([
    ['verify-full: the right name of our authority', () => tryUrl(`sslmode=verify-full&sslrootcert=${ours.ca}`), 'TLS'],
    ['verify-full: another name', () => tryUrl(`sslmode=verify-full&sslrootcert=${ours.ca}`, { host: '127.0.0.2' }), 'STORE_UNAVAILABLE'],
    ['verify-full: another authority', () => tryUrl(`sslmode=verify-full&sslrootcert=${foreign.ca}`), 'STORE_UNAVAILABLE'],
    ['verify-ca: another name', () => tryUrl(`sslmode=verify-ca&sslrootcert=${ours.ca}`, { host: '127.0.0.2' }), 'TLS'],
    ['verify-ca: another authority', () => tryUrl(`sslmode=verify-ca&sslrootcert=${foreign.ca}`), 'STORE_UNAVAILABLE'],
    ['require: whoever answers', () => tryUrl('sslmode=require', { host: '127.0.0.2' }), 'TLS'],
    ['disable: a server that wants TLS says no', () => tryUrl('sslmode=disable'), 'STORE_UNAVAILABLE'],
    ['a client certificate', () => tryUrl(`sslmode=verify-full&sslrootcert=${ours.ca}&sslcert=${client.cert}&sslkey=${client.key}`, { user: 'gw' }), 'TLS'],
    ['without the client certificate', () => tryUrl(`sslmode=verify-full&sslrootcert=${ours.ca}`, { user: 'gw' }), 'STORE_UNAVAILABLE'],
    ['a file that is not there', () => tryUrl('sslmode=verify-full&sslrootcert=/nowhere.pem'), 'STORE_UNAVAILABLE'],
  ])('%s', async (_what, connect, ends) => {
    expect(await connect().catch((error: { code: string }) => error.code)).toBe(ends)
  })
})

describe('a password', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })
  const asTyped = (password = '') => tryUrl('sslmode=require', { user: `typed${password}` })

  function writePasswordFile(mode: number): void {
    const path = join(dir, 'pgpass')
    writeFileSync(path, 'localhost:*:tls:typed:marker+67\n')
    chmodSync(path, mode)
    vi.stubEnv('PGPASSFILE', path)
  }

  test('none', async () => expect(await asTyped()).toBe('STORE_UNAVAILABLE'))
  test('in the URL', async () => expect(await asTyped(':marker+67')).toBe('TLS'))
  test('in the environment, as a container platform gives it', async () => {
    vi.stubEnv('PGPASSWORD', 'marker+67')
    expect(await asTyped()).toBe('TLS')
  })
  test('in a file of its user, without a word about it', async () => {
    writePasswordFile(0o600)
    const warned = vi.spyOn(process, 'emitWarning')
    expect(await asTyped()).toBe('TLS')
    expect(warned).not.toHaveBeenCalled()
  })
  test('not in one that others may read', async () => {
    writePasswordFile(0o640)
    expect(await asTyped()).toBe('STORE_UNAVAILABLE')
  })
})

describe('PgBouncer in transaction mode', () => {
  let bouncer: RunningChild
  let store: Store
  let port: number

  const config = () => ({
    store: { url: 'bounced', postgres: { ...server.config('mail'), hosts: [{ host: '127.0.0.1', port }] } },
    dataDir: join(dir, 'data'),
    generatedOnly: false,
  })
  const keyring = () => createdKeyring
  let createdKeyring: ReturnType<typeof createKeyFile>

  beforeAll(async () => {
    server.sql('postgres', 'create database mail')
    ;[port = 0] = await pickPorts(1)
    const ini = join(server.folder, 'pgbouncer.ini')
    // Fewer connections than those who ask: each transaction gets another one.
    const lines = [
      '[databases]',
      `mail = host=127.0.0.1 port=${server.port} dbname=mail user=mailwicket`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      'default_pool_size = 4',
      'server_tls_sslmode = disable',
    ]
    writeFileSync(ini, `${lines.join('\n')}\n`)
    bouncer = startChild('runuser', ['-u', 'postgres', '--', 'pgbouncer', ini])
    await waitFor('PgBouncer', 20_000, () => bouncer.stderr.includes('process up'))
    createdKeyring = createKeyFile(keyFilePath(dir))
    store = (await createStore({ config: config(), keyring: keyring(), actor: { name: 'root', source: 'cli' } })).as({ name: 'root', source: 'cli' })
    await store.mailboxes.add({ address: 'anna@example.com', upstream: 'main' })
  })
  afterAll(async () => {
    await store?.close()
    await bouncer?.stop('SIGTERM')
  })

  test('changes follow each other, logins read, records are written, a backup is one moment', async () => {
    const gateway = await openGatewayStore({ config: config(), keyring: keyring() })
    const names = Array.from({ length: 6 }, (_, n) => `Device ${n}`)
    const added = await Promise.all(names.map(name => store.devices.add('anna@example.com', { name })))
    expect(await store.devices.count()).toBe(names.length)
    const before = await gateway.readGeneration()
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, n) => gateway.findLogin('anna@example.com', added[n % names.length]?.password ?? expect.fail())),
    )
    expect(found.every(record => record?.mailbox.address === 'anna@example.com')).toBe(true)
    const [first] = added
    await gateway.record({
      connections: [{ device: first?.device.id ?? expect.fail(), at: 5, ip: '192.0.2.1', protocol: 'imap', app: null, tls: null }],
      activity: [],
      sessions: [],
      endedSessions: [],
    })
    await Promise.all(added.map(({ device }) => store.devices.disable(device.id)))
    expect(await gateway.readGeneration()).toBe(before + names.length)
    expect((await store.devices.get(first?.device.id ?? '')).lastConnection?.at).toBe(5)
    const file = join(dir, 'backup.db')
    await store.backup(file)
    await gateway.close()
    await store.devices.revoke([first?.device.id ?? ''])
    expect(await restoreStore({ config: config(), keyring: keyring(), actor: { name: 'root', source: 'cli' }, file })).toMatchObject({ kept: { count: 1 } })
  })

  test('a statement that nobody waits for any more is given up through it', async () => {
    const reader = openPostgres(config().store.postgres, 'place', 'read')
    const holder = openPostgres(server.config('mail'), 'holder', 'write')
    await holder.change(async db => {
      await sql`lock table devices in access exclusive mode`.execute(db)
      await expect(reader.db.selectFrom('devices').select('id').execute()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await waitFor(
        'the end of the wait',
        20_000,
        () => server.sql('mail', `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%from "devices"%'`).trim() === '0',
      )
    })
    await reader.close()
    await holder.close()
  })
})
