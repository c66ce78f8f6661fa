/** The portal beside the gateway: a process of its own, which may die, hang or be reloaded while mail sessions notice nothing. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Mailwicket, type NewDevice, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const user = 'reader@example.com'
let dovecot: Dovecot
let gateway: Mailwicket
let device: NewDevice
let session: RawImap

interface Ready {
  readonly portal: { readonly address: string; readonly url: string }
}

const ready = (): Ready => JSON.parse(gateway.process.stdout.match(/^\{"event":"ready".*$/m)?.[0] ?? '{}') as Ready
const lines = (event: string) => gateway.log.filter(line => line['event'] === event)
const started = () => lines('process.started') as { pid: number; address: string }[]
const ask = (path = '/healthz') => fetch(`http://${started().at(-1)?.address}${path}`, { headers: { host: 'devices.example.com' } })
const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/70' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  device = await gateway.addDevice(user, 'Phone')
  writeFileSync(gateway.configPath, `${readFileSync(gateway.configPath, 'utf8')}\n[portal]\naddress = "127.0.0.1:0"\nurl = "https://devices.example.com"\n`)
  await gateway.serve()
  session = await logIn(gateway.account(user, device.password))
  await session.ok('SELECT INBOX')
})

afterAll(async () => {
  session?.destroy()
  await gateway?.close()
  await dovecot?.stop()
})

test('the ready line tells where it is, and it answers', async () => {
  expect(ready().portal).toEqual({ address: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/), url: 'https://devices.example.com' })
  expect(await (await ask()).text()).toBe('ok\n')
  expect(started()[0]?.pid).not.toBe(gateway.process.process.pid)
})

test.each(['SIGKILL', 'SIGTERM', 'SIGABRT'] as const)('%s ends it: it is started again, and the mail session goes on', async signal => {
  const before = started().length
  process.kill(started().at(-1)?.pid ?? 0, signal)
  await waitFor('another portal', 30_000, () => started().length > before)
  expect((await ask()).status).toBe(200)
  await session.ok('NOOP')
})

test('one that hangs is killed and started again, and the mail session goes on', async () => {
  const before = started().length
  process.kill(started().at(-1)?.pid ?? 0, 'SIGSTOP')
  await session.ok('NOOP')
  await waitFor('another portal', 60_000, () => started().length > before)
  expect(lines('process.hung')).toHaveLength(1)
  expect((await ask()).status).toBe(200)
  await session.ok('NOOP')
})

test('a reload reaches it; what it cannot change is refused for both', async () => {
  const text = readFileSync(gateway.configPath, 'utf8')
  writeFileSync(gateway.configPath, `${text}second_factor = "everyone"\n`)
  gateway.process.process.kill('SIGHUP')
  await waitFor('the reload', 30_000, () => lines('config.reloaded').length === 1)
  writeFileSync(gateway.configPath, text.replace('https://devices.example.com', 'https://other.example.com'))
  gateway.process.process.kill('SIGHUP')
  await waitFor('the refusal', 30_000, () => lines('config.rejected').length === 1)
  expect(lines('config.rejected')[0]).toMatchObject({ problems: [expect.stringMatching(/^portal has changed, which a reload cannot do/)] })
  writeFileSync(gateway.configPath, text)
  expect((await ask()).status).toBe(200)
})

test('a stop ends both, and a gateway that is killed takes it along', async () => {
  const { pid } = started().at(-1) ?? { pid: 0 }
  await gateway.stopServe()
  expect(isGone(pid)).toBe(true)
  await gateway.serve()
  const orphan = started().at(-1)?.pid ?? 0
  expect(isGone(orphan)).toBe(false)
  await gateway.process.stop('SIGKILL')
  await waitFor('the end of the portal', 30_000, () => isGone(orphan))
})

test('a port that is taken: serve does not start, and says which', async () => {
  const blocker: Server = createServer()
  await new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve))
  const { port } = blocker.address() as { port: number }
  const text = readFileSync(gateway.configPath, 'utf8')
  writeFileSync(gateway.configPath, text.replace('[portal]\naddress = "127.0.0.1:0"', `[portal]\naddress = "127.0.0.1:${port}"`))
  const finished = await gateway.run(['serve'])
  expect(finished.code).toBe(1)
  expect(finished.stderr).toContain(`cannot listen on 127.0.0.1:${port}`)
  expect(finished.stdout).not.toContain('"event":"ready"')
  writeFileSync(gateway.configPath, text)
  blocker.close()
})
