/** What systemd hears, from a real `systemd-notify` over a real datagram socket, which Python holds: Node has none. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLog } from '../base/log.ts'
import { openRecordingLog } from '../certs/certificate-fixture.ts'
import { ServiceManager, watchdogMs } from './service-manager.ts'

/** Prints each word; closes the descriptor that a barrier carries, as systemd does when it has come to it. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, fds, flags, addr = socket.recv_fds(s, 65536, 8)
    print(data.decode().replace("\\n", "|"), flush=True)
    for fd in fds: os.close(fd)
`
let folder: string
let receiver: ChildProcess | undefined
let heard = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailwicket-notify-'))
  heard = ''
})
afterEach(async () => {
  vi.useRealTimers()
  receiver?.kill()
  receiver = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function listen(): Promise<string> {
  const path = join(folder, 'notify')
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  receiver = child
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text
  })
  while (!heard.includes('bound')) await once(child.stdout, 'data')
  return path
}

const words = () =>
  heard
    .split('\n')
    .slice(1)
    .filter(line => line !== '' && !line.startsWith('BARRIER'))

describe('ServiceManager', () => {
  it('tells in order: ready, reloading with the clock, ready, stopping with the time it asks for', async () => {
    const manager = new ServiceManager({ env: { NOTIFY_SOCKET: await listen(), PATH: process.env['PATH'] }, log: silentLog, monotonicUs: () => 4711n })
    manager.ready()
    manager.reloading()
    manager.ready()
    manager.stopping(12, 55_000)
    await manager.close()
    await vi.waitFor(() => expect(words()).toHaveLength(4))
    expect(words()[0]).toContain('READY=1')
    expect(words()[1]).toMatch(/RELOADING=1\|MONOTONIC_USEC=4711\|/)
    expect(words()[2]).toContain('READY=1')
    expect(words()[3]).toMatch(/STOPPING=1\|EXTEND_TIMEOUT_USEC=55000000\|STATUS=Stopping, 12 sessions/)
  })

  it('says that we are alive twice in the time allowed, as long as we are', async () => {
    const env = { NOTIFY_SOCKET: await listen(), PATH: process.env['PATH'], WATCHDOG_USEC: '40000', WATCHDOG_PID: String(process.pid) }
    const manager = new ServiceManager({ env, log: silentLog })
    let isAlive = true
    let asked = 0
    manager.startWatchdog(() => {
      asked += 1
      return isAlive
    })
    await vi.waitFor(() => expect(words().length).toBeGreaterThanOrEqual(2), { timeout: 10_000 })
    expect(words()).toEqual(words().map(() => 'WATCHDOG=1'))
    isAlive = false
    const before = asked
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before + 3))
    await manager.close()
    const { length } = words()
    manager.ready()
    await manager.close()
    await vi.waitFor(() => expect(words().at(-1)).toContain('READY=1'))
    // Nothing but this was said since it was dead: at most one word was still on its way.
    expect(words().length).toBeLessThanOrEqual(length + 2)
  })

  it('without a socket nothing is started', async () => {
    const { log, lines } = openRecordingLog()
    const manager = new ServiceManager({ env: { WATCHDOG_USEC: '1000' }, log: { ...log, with: () => log }, command: '/nonexistent' })
    manager.startWatchdog(() => true)
    manager.ready()
    await manager.close()
    expect(lines).toEqual([])
  })

  it('a program that cannot even be started, as without memory, ends nothing', async () => {
    const { log, lines } = openRecordingLog()
    // What spawn throws at once, instead of telling it a moment later.
    const manager = new ServiceManager({ env: { NOTIFY_SOCKET: '/nowhere' }, log, command: 'not\0startable' })
    manager.ready()
    manager.ready()
    await manager.close()
    expect(lines.map(({ event }) => event)).toEqual(['notify.failed'])
  })

  it('a missing systemd-notify is told once, with what to do', async () => {
    const { log, lines } = openRecordingLog()
    const manager = new ServiceManager({ env: { NOTIFY_SOCKET: '/nonexistent' }, log, command: '/nonexistent' })
    manager.ready()
    manager.ready()
    await manager.close()
    expect(lines).toMatchObject([{ event: 'notify.failed', fields: { told: 'READY=1', advice: expect.stringContaining('NotifyAccess=all') } }])
  })
})

describe('watchdogMs', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: 'x' }, undefined],
    [{}, undefined],
  ])('%j', (env, expected) => expect(watchdogMs(env, 7)).toBe(expected))
})
