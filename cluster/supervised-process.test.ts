/** Real processes: ones that serve, die, hang, cannot start, and one whose supervisor is gone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openRecordingLog } from '../certs/certificate-fixture.ts'
import { type PROCESS_LIMITS, SupervisedProcess } from './supervised-process.ts'

let dir: string
let running: SupervisedProcess[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-process-'))
})
afterEach(async () => {
  for (const one of running) await one.stop()
  running = []
  rmSync(dir, { recursive: true, force: true })
})

const SERVES = `
const beat = setInterval(() => process.send({ kind: 'alive' }), 50)
process.on('message', ({ kind }) => kind === 'stop' ? process.exit(0) : process.send({ kind: 'ready', facts: { reloaded: true } }))
process.on('disconnect', () => process.exit(0))
process.send({ kind: 'ready', facts: { address: '127.0.0.1:1' } })
`

function open(program: string, limits: Partial<Record<keyof typeof PROCESS_LIMITS, number>> = {}) {
  const main = join(dir, 'main.mjs')
  writeFileSync(main, program)
  const { log, lines } = openRecordingLog()
  const one = new SupervisedProcess({ name: 'portal', main: pathToFileURL(main), args: [], env: process.env, log, limits: { restartMs: 10, ...limits } })
  running.push(one)
  return {
    one,
    events: () => lines.filter(({ event }) => event.startsWith('process.')).map(({ event, fields }) => ({ event, ...fields }) as Record<string, unknown>),
  }
}

const patient = { timeout: 60_000, interval: 10 }

test('it is started, told of a reload, and stopped', async () => {
  const { one } = open(SERVES)
  await one.start()
  expect(one.facts).toEqual({ address: '127.0.0.1:1' })
  one.reload()
  await vi.waitFor(() => expect(one.facts).toEqual({ reloaded: true }), patient)
  await one.stop()
  expect(one.pid).toBeUndefined()
})

test('one that is killed is started again', async () => {
  const { one, events } = open(SERVES)
  await one.start()
  const { pid } = one
  process.kill(pid ?? 0, 'SIGKILL')
  await vi.waitFor(() => expect(events().filter(({ event }) => event === 'process.started')).toHaveLength(2), patient)
  expect(one.pid).not.toBe(pid)
  expect(events()).toContainEqual(expect.objectContaining({ event: 'process.ended', why: 'SIGKILL', process: 'portal' }))
})

test('one whose loop hangs is killed and started again', async () => {
  const { one, events } = open(`${SERVES}\nsetTimeout(() => { for (;;); }, 100)`, { silentMs: 2_000 })
  await one.start()
  await vi.waitFor(() => expect(events().filter(({ event }) => event === 'process.started')).toHaveLength(2), patient)
  expect(events()).toContainEqual(expect.objectContaining({ event: 'process.hung' }))
})

test('one that dies again and again is started ever more seldom', async () => {
  const { one, events } = open("process.send({ kind: 'ready', facts: { a: 1 } }, () => process.exit(3))", { longestRestartMs: 40 })
  await one.start()
  const waits = () => events().flatMap(({ event, againInMs }) => (event === 'process.ended' ? [againInMs] : []))
  await vi.waitFor(() => expect(waits().length).toBeGreaterThan(4), patient)
  expect(waits().slice(0, 5)).toEqual([10, 20, 40, 40, 40])
})

test('what it cannot start for is the supervisor’s failure, with its code', async () => {
  const { one } = open("process.send({ kind: 'failed', code: 'LISTEN_FAILED', message: 'cannot listen', remedy: 'choose another' }, () => process.exit(1))")
  await expect(one.start()).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: 'cannot listen', remedy: 'choose another' })
})

test.each([
  ['ends without a word', 'process.exit(7)', /exit code 7/],
  ['is no program', 'this is no program', /exit code 1/],
])('one that %s at its first start is a failure', async (_name, program, why) => {
  await expect(open(program).one.start()).rejects.toThrow(why)
})

test('one that is never ready is killed', async () => {
  await expect(open('setInterval(() => {}, 1000)', { startMs: 500 }).one.start()).rejects.toThrow('SIGKILL')
})

test('one that does not stop when it is asked is killed', async () => {
  const { one } = open(SERVES.replace('process.exit(0)', 'undefined'), { stopMs: 200 })
  await one.start()
  await one.stop()
  expect(one.pid).toBeUndefined()
})
