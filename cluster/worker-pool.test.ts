/** The pool over real processes that run a stand-in for a worker: what it is told, what becomes of connections, reloads, ends. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openRecordingLog } from '../certs/certificate-fixture.ts'
import type { Config } from '../config/config.ts'
import type { Rejected } from '../gateway/lifecycle/reload.ts'
import type { Accepted } from '../gateway/listen/listener.ts'
import { WorkerPool } from './worker-pool.ts'

let dir: string
let pools: WorkerPool[] = []
let servers: Server[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-pool-'))
})
afterEach(() => {
  for (const pool of pools) pool.kill()
  for (const server of servers) server.close()
  pools = []
  servers = []
  rmSync(dir, { recursive: true, force: true })
})

const patient = { timeout: 60_000, interval: 10 }

/** Writes its number, its configuration and the keys to each connection; `behaviour` is more of its program. */
const workerProgram = (behaviour: string) => `
let begin, keys, prepared
const tell = message => process.send(message)
process.on('disconnect', () => process.exit(0))
process.on('message', (message, socket) => {
  switch (message.kind) {
    case 'begin':
      begin = message
      ${behaviour}
      return tell({ kind: 'ready', facts: { node: begin.node } })
    case 'ticket-keys': keys = Buffer.from(message.keys).toString('hex'); return
    case 'connection': tell({ kind: 'taken' }); return socket?.end(JSON.stringify({ worker: begin.worker, config: begin.config.hostname, node: begin.node, isFirst: begin.isFirst, keys, limit: begin.config.sessionsPerDevice }))
    case 'prepare': prepared = message.config; return tell({ kind: 'prepared', id: message.id, problems: prepared.hostname === 'bad' + begin.worker ? ['hostname is bad'] : [] })
    case 'commit': begin.config = prepared; return
    case 'report': return tell({ kind: 'reported', id: message.id, metrics: [], health: { notReady: [], warnings: [], lastFailureAt: undefined }, sessions: begin.worker, certificateDaysLeft: 90 })
    case 'stop': tell({ kind: 'drained', cut: begin.worker }); return process.disconnect()
  }
})
setInterval(() => tell({ kind: 'alive' }), 100)
`

async function open(behaviour = '', workers = 2, limits = {}) {
  const main = join(dir, 'main.mjs')
  writeFileSync(main, workerProgram(behaviour))
  const { log, lines } = openRecordingLog()
  // JSON has no infinity, a configuration has.
  const config = { hostname: 'first', sessionsPerDevice: Number.POSITIVE_INFINITY } as Config
  const pool = new WorkerPool({ config, workers, env: process.env, log, isReadable: false, main: pathToFileURL(main), limits })
  pools.push(pool)
  const server = createServer({ pauseOnConnect: true }, socket => pool.connected(socket, {} as Accepted)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const ask = async (): Promise<Record<string, unknown>> => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    let text = ''
    for await (const chunk of socket) text += chunk
    return JSON.parse(text) as Record<string, unknown>
  }
  const events = (event: string) => lines.filter(line => line.event === event).map(({ fields }) => fields)
  return { pool, ask, events, config }
}

test('each serves under a node of its own, all with the same keys, and one looks through the store', async () => {
  const { pool, ask } = await open()
  await pool.start()
  const answers = [await ask(), await ask(), await ask(), await ask()].sort((a, b) => Number(a['worker']) - Number(b['worker']))
  expect(answers.map(({ worker }) => worker)).toEqual([1, 1, 2, 2])
  expect(answers.map(({ node }) => node)).toEqual([1, 1, 2, 2].map(number => `${pool.node}-${number}`))
  expect(answers.map(({ isFirst }) => isFirst)).toEqual([true, true, false, false])
  expect(new Set(answers.map(({ keys }) => keys)).size).toBe(1)
  expect(answers[0]?.['keys']).toMatch(/^[0-9a-f]{96}$/)
})

test('when all fail, the first says why, and nothing is left running', async () => {
  const { pool } = await open("return void process.send({ kind: 'failed', code: 'KEY_EXPOSED', message: 'too open', remedy: 'chmod' }, () => process.exit(1))")
  await expect(pool.start()).rejects.toMatchObject({ code: 'KEY_EXPOSED', message: 'too open' })
  expect(pool.workers.map(({ process }) => process.pid)).toEqual([undefined, undefined])
})

test('when one dies at every start, the others serve', async () => {
  const { pool, ask, events } = await open('if (begin.worker === 1) process.exit(3)')
  await pool.start()
  expect([(await ask())['worker'], (await ask())['worker']]).toEqual([2, 2])
  await vi.waitFor(() => expect(events('process.ended').length).toBeGreaterThan(1), patient)
  const [first, second] = events('process.ended') as { againInMs: number }[]
  expect(second?.againInMs).toBe(2 * (first?.againInMs ?? 0))
  expect(events('process.ended')[0]).toMatchObject({ process: 'worker-1', why: 'exit code 3' })
})

test('while one hangs the others get what comes; it is killed, what it had not taken is served by them, and it is started again', async () => {
  const { pool, ask, events } = await open('', 2, { silentMs: 2_000 })
  await pool.start()
  const hung = pool.workers[0]?.process.pid ?? 0
  process.kill(hung, 'SIGSTOP')
  const answers = await Promise.all(Array.from({ length: 20 }, ask))
  expect(answers.map(({ worker }) => worker)).toEqual(answers.map(() => 2))
  await vi.waitFor(() => expect(pool.workers[0]).toMatchObject({ state: 'serving', process: { starts: 2 } }), patient)
  expect(events('process.hung')).toMatchObject([{ process: 'worker-1', pid: hung }])
  expect(new Set([(await ask())['worker'], (await ask())['worker']])).toEqual(new Set([1, 2]))
})

test('a reload is in force in all of them, also in one that is started later', async () => {
  const { pool, ask, config } = await open()
  await pool.start()
  const commit = await pool.prepareReload({ ...config, hostname: 'second' })
  expect((await ask())['config']).toBe('first')
  commit()
  expect([(await ask())['config'], (await ask())['config']]).toEqual(['second', 'second'])
  pool.workers[0]?.process.restart()
  await vi.waitFor(() => expect(pool.workers[0]).toMatchObject({ state: 'serving', process: { starts: 2 } }), patient)
  const answers = [await ask(), await ask()]
  expect(new Set(answers.map(({ worker }) => worker)).size).toBe(2)
  for (const answer of answers) expect(answer['config']).toBe('second')
})

test('what one of them cannot do with is in force in none', async () => {
  const { pool, ask, config } = await open()
  await pool.start()
  const refused = (await pool.prepareReload({ ...config, hostname: 'bad2' }).catch(error => error)) as Rejected
  expect(refused.causes).toMatchObject([{ code: 'CONFIG_INVALID', message: 'hostname is bad' }])
  expect([(await ask())['config'], (await ask())['config']]).toEqual(['first', 'first'])
})

test('a connection that comes while nobody serves is served when somebody does', async () => {
  const { pool, ask } = await open('', 1)
  const waiting = ask()
  await pool.start()
  expect((await waiting)['worker']).toBe(1)
})

test('reports come from all that live; of the dead it is told what they told last', async () => {
  const { pool } = await open()
  await pool.start()
  expect((await pool.report()).map(({ isFresh, report }) => [isFresh, report?.sessions])).toEqual([
    [true, 1],
    [true, 2],
  ])
  const ended = vi.fn()
  pool.onEnded = ended
  process.kill(pool.workers[0]?.process.pid ?? 0, 'SIGKILL')
  await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce(), patient)
  expect((await pool.report())[1]).toMatchObject({ isFresh: true })
})

test('a stop lets them finish, and tells how many sessions were cut in all', async () => {
  const { pool } = await open()
  await pool.start()
  expect(await pool.stop(60_000)).toBe(3)
})
