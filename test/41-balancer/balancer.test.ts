/**
 * A HAProxy that asks /readyz, as docs/monitoring.md configures it, in front of two nodes on one store: whoever is not ready gets nobody,
 * and comes back by itself.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const user = 'reader@example.com'
let stage: Stage
let second: RunningChild
let haproxy: RunningChild
let account: ImapAccount

interface ReadyLine {
  readonly listen: readonly { readonly tls: string; readonly address: string }[]
  readonly admin: string
}

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
  const { configPath } = stage.gateway
  writeFileSync(configPath, readFileSync(configPath, 'utf8').replace(/^tls = .*$/gm, '$&\nproxy_protocol_from = ["127.0.0.0/8"]'))
  appendFileSync(configPath, '\n[admin]\naddress = "127.0.0.1:0"\n')
  const device = await stage.gateway.addDevice(user, 'Phone')
  await stage.gateway.serve()
  second = startChild(launcher, ['--config', configPath, 'serve'])
  const nodes = await Promise.all(
    [stage.gateway.process, second].map(async node => JSON.parse((await node.waitForStdout(/^\{"event":"ready".*$/m, 30_000))[0]) as ReadyLine),
  )
  const [port = 0] = await pickPorts(1)
  haproxy = startChild('haproxy', ['-db', '-f', writeConfig(port, nodes)])
  account = { ...stage.gateway.account(user, device.password), port }
  await waitFor('the balancer', 10_000, isServed)
})

afterAll(async () => {
  await haproxy?.stop('SIGTERM')
  if (second?.process.exitCode === null) await second.stop('SIGTERM')
  await stage?.close()
})

/** The backend of the page, with the addresses of the test and quicker checks. */
function writeConfig(port: number, nodes: readonly ReadyLine[]): string {
  const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')
  const backend = (/^backend imaps\n[\s\S]*?(?=^```)/m.exec(page)?.[0] ?? '').replace('inter 2s', 'inter 100ms')
  const servers = nodes.map(({ listen, admin }, index) => {
    const address = listen.find(({ tls }) => tls === 'implicit')?.address
    return `    server node${index + 1} ${address} port ${admin.split(':').at(-1)}`
  })
  expect(backend.match(/^ {4}server /gm)).toHaveLength(2)
  const path = join(makeTempDir(), 'haproxy.cfg')
  writeFileSync(
    path,
    `global
    log stdout format raw local0
defaults
    log global
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend apps
    mode tcp
    bind 127.0.0.1:${port}
    default_backend imaps
${backend.replace(/^ {4}server .*\n/gm, '')}${servers.join('\n')}
`,
  )
  return path
}

/** How often the balancer said it. */
const countSaid = (text: string) => haproxy.stdout.split(text).length - 1
const nodesOf = async () => new Set((await stage.gateway.listSessions()).map(({ node }) => node))
const isServed = async (): Promise<boolean> => {
  try {
    ;(await logIn(account)).destroy()
    return true
  } catch {
    return false
  }
}

test('both nodes are ready, and both get sessions', async () => {
  const sessions: RawImap[] = []
  for (let index = 0; index < 4; index++) sessions.push(await logIn(account))
  await waitFor('sessions on two nodes', 10_000, async () => (await nodesOf()).size === 2)
  for (const session of sessions) session.destroy()
})

test('the store is moved away: no node gets anybody; put back, both come back by themselves', async () => {
  const session = await logIn(account)
  const [here, away] = [stage.gateway.dir, join(stage.gateway.dir, 'away')]
  const move = (from: string, to: string) => {
    for (const name of readdirSync(from)) if (name.startsWith('mailwicket.db')) renameSync(join(from, name), join(to, name))
  }
  mkdirSync(away)
  move(here, away)
  for (const name of ['node1', 'node2'])
    await waitFor(`${name} is down`, 10_000, () => countSaid(`${name} is DOWN, reason: Layer7 wrong status, code: 503`) === 1)
  await expect(openImaps(account)).rejects.toThrow()
  // Who is in stays in.
  await session.ok('NOOP')
  move(away, here)
  await waitFor('both are back', 10_000, () => countSaid('node1 is UP') === 1 && countSaid('node2 is UP') === 1)
  expect(await isServed()).toBe(true)
  await session.ok('NOOP')
  session.destroy()
})

test('a node that is stopped is left alone, and the other takes all', async () => {
  await second.stop('SIGTERM')
  await waitFor('it is down', 10_000, () => countSaid('node2 is DOWN') === 2)
  for (let index = 0; index < 6; index++) expect(await isServed()).toBe(true)
})
