/** Two gateways on one store: the command line sees the sessions of both, ends the right ones on both, and forgets a gateway that was killed. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import { TrafficSession, TrafficUpstream } from '../fixtures/clients/traffic.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { launcher, Mailwicket, type NewDevice } from '../fixtures/program/mailwicket.ts'

const [anna, bert] = ['anna@example.com', 'bert@example.com'] as const
let upstream: TrafficUpstream
let gateway: Mailwicket
let nodes: Node[]

interface Node {
  readonly child: RunningChild
  /** Its id in the list. */
  readonly id: string
  readonly port: number
}

beforeAll(async () => {
  upstream = await TrafficUpstream.open()
  gateway = await Mailwicket.open({ upstreams: [{ name: 'main', domains: ['example.com'], address: `127.0.0.1:${upstream.port}`, tls: 'none' }] })
  for (const address of [anna, bert]) await gateway.addMailbox(address, 'upstream/marker+nodes', ['--no-verify'])
  // The same configuration for both: each takes free ports.
  await gateway.serve()
  nodes = [nodeOf(gateway.process), await startNode()]
})

afterAll(async () => {
  await nodes?.[1]?.child.stop('SIGTERM')
  await gateway?.close()
  await upstream?.kill()
})

async function startNode(): Promise<Node> {
  const child = startChild(launcher, ['--config', gateway.configPath, 'serve'])
  await child.waitForStdout(/^\{"event":"ready".*$/m, 30_000)
  return nodeOf(child)
}

function nodeOf(child: RunningChild): Node {
  const ready = JSON.parse(/^\{"event":"ready".*$/m.exec(child.stdout)?.[0] ?? '{}') as { node: string; listen: { address: string; tls: string }[] }
  return {
    child,
    id: ready.node,
    port: Number(
      ready.listen
        .find(({ tls }) => tls === 'implicit')
        ?.address.split(':')
        .at(-1),
    ),
  }
}

/** A session of this device on the first or the second node. */
async function connect(device: NewDevice, node: 0 | 1): Promise<TrafficSession> {
  const account = { ...gateway.account(device.mailbox, device.password), port: nodes[node]?.port ?? 0 }
  return await TrafficSession.open(account, device.id, {})
}

let devices: readonly NewDevice[]
/** Anna's phone, Anna's tablet and Bert's phone, each on both nodes. */
let sessions: TrafficSession[]
let count = 0

beforeEach(async () => {
  count += 1
  devices = [await gateway.addDevice(anna, `Phone ${count}`), await gateway.addDevice(anna, `Tablet ${count}`), await gateway.addDevice(bert, `Phone ${count}`)]
  sessions = []
  for (const device of devices) for (const node of [0, 1] as const) sessions.push(await connect(device, node))
  await waitForList(6)
  return () => {
    for (const session of sessions) session.close()
  }
})

async function waitForList(length: number) {
  return await waitFor(`${length} sessions in the list`, 20_000, async () => {
    const rows = await gateway.listSessions()
    return rows.length === length && rows
  })
}

/** Exactly these end, by their places in the list above; the others go on with their traffic. */
async function expectEnded(ended: readonly number[]): Promise<void> {
  await waitFor('the sessions to end', 20_000, () => ended.every(index => sessions[index]?.isClosed))
  const others = sessions.filter((_, index) => !ended.includes(index))
  const before = others.map(({ received }) => received.bytes)
  for (const session of others) session.sendChunk()
  await waitFor('an answer on all others', 20_000, () => others.every(({ received }, index) => received.bytes > (before[index] ?? 0)))
  expect(others.filter(({ isClosed }) => isClosed)).toEqual([])
  await waitForList(others.length)
}

test('the list has the sessions of both', async () => {
  const rows = await gateway.listSessions()
  expect(new Set(nodes.map(({ id }) => id)).size).toBe(2)
  for (const { id } of nodes)
    expect(
      rows
        .filter(({ node }) => node === id)
        .map(({ device }) => device)
        .sort(),
    ).toEqual(devices.map(({ id }) => id).sort())
  const listed = await gateway.listDevices()
  expect(devices.map(({ id }) => listed.find(row => row.id === id)?.sessions)).toEqual([2, 2, 2])
})

test.each([0, 1] as const)('one session of node %i is kicked by its ID', async node => {
  const row = (await gateway.listSessions()).find(found => found.node === nodes[node]?.id && found.device === devices[0]?.id)
  expect(await gateway.json(['session', 'kick', row?.id ?? ''])).toEqual({ sessions: 1 })
  await expectEnded([node])
})

test('sessions of both are kicked with their device', async () => {
  expect(await gateway.json(['session', 'kick', '--device', devices[1]?.id ?? ''])).toEqual({ sessions: 2 })
  await expectEnded([2, 3])
})

test('sessions of both end when all devices of a mailbox are revoked', async () => {
  await gateway.json(['device', 'revoke', '--all', anna, '--yes'])
  await expectEnded([0, 1, 2, 3])
})

test('a node that was killed is forgotten, and the other is not', async () => {
  const [alive, dead] = nodes
  await dead?.child.stop('SIGKILL')
  await waitFor('its sessions to end', 20_000, () => [1, 3, 5].every(index => sessions[index]?.isClosed))
  // After ten seconds of silence; until then nobody can tell it from one that is slow.
  const rows = await waitForList(3)
  expect(rows.map(({ node }) => node)).toEqual([alive?.id, alive?.id, alive?.id])
  const listed = await gateway.listDevices()
  expect(devices.map(({ id }) => listed.find(row => row.id === id)?.sessions)).toEqual([1, 1, 1])
  // It comes back under another name, and takes part.
  nodes = [alive as Node, await startNode()]
  expect([alive?.id, dead?.id]).not.toContain(nodes[1]?.id)
  sessions.splice(1, 1, await connect(devices[0] as NewDevice, 1))
  sessions.splice(3, 1, await connect(devices[1] as NewDevice, 1))
  sessions.splice(5, 1, await connect(devices[2] as NewDevice, 1))
  await waitForList(6)
  await gateway.json(['mailbox', 'set', bert, '--disable'])
  await expectEnded([4, 5])
})
