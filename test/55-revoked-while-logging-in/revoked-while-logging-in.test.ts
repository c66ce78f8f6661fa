/**
 * Logins that wait for an upstream, at its greeting or at our login there, while a command takes the device's right away: they end, the
 * app is never told that it is in, and no connection to the upstream is left.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { plainOf } from '../fixtures/clients/raw-smtp.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { HostileUpstream } from '../fixtures/misbehaving/hostile-upstream.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import type { NewDevice } from '../fixtures/program/mailwicket.ts'
import { ProxiedGateway } from '../fixtures/program/proxied-gateway.ts'

const user = 'reader@example.com'
const steps = ['greeting', 'login'] as const
type Step = (typeof steps)[number]
/** The poll comes four times a second; the rest is for a busy machine. It is far from the 20 s after which a login ends by itself. */
const endMs = 5_000

let gateway: ProxiedGateway
let hostile: HostileUpstream
let scripted: ScriptedSmtp
let device: NewDevice
let count = 0

beforeAll(async () => {
  scripted = await ScriptedSmtp.open()
  gateway = await ProxiedGateway.open(
    [
      { protocol: 'imap', tls: 'implicit' },
      { protocol: 'submission', tls: 'implicit' },
    ],
    async ({ certificate }) => {
      hostile = await HostileUpstream.open(certificate)
      return `[[upstream]]
name = "main"
domains = ["example.com"]
imap = { address = "127.0.0.1:${hostile.port}", tls = "none" }
submission = { address = "127.0.0.1:${scripted.port}", tls = "none" }
`
    },
  )
  await gateway.mailwicket.addMailbox(user, 'upstream/marker+waiting', ['--no-verify'])
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await hostile?.close()
  await scripted?.close()
})

/** A login that hangs. */
interface Hanging {
  readonly protocol: 'imap' | 'submission'
  readonly wire: RawImap
  /** Resolves when the gateway has given up its connection to the upstream. */
  readonly abandoned: Promise<void>
}
let hanging: Hanging[] = []

afterEach(() => {
  for (const { wire } of hanging) wire.destroy()
  hanging = []
})

async function hangImap(step: Step): Promise<Hanging> {
  const wire = await gateway.connect(gateway.port(0), '127.0.0.1')
  await wire.readLine()
  const abandoned = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  await hostile.meet(
    async connection => {
      connection.socket.once('close', () => abandoned.resolve())
      connection.socket.once('end', () => connection.socket.destroy())
      if (step === 'login') {
        connection.say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n')
        await connection.line()
      }
      arrived.resolve()
    },
    () => wire.write(`a LOGIN ${user} ${quote(device.password)}\r\n`),
  )
  await within('the upstream to be asked', endMs, arrived.promise)
  return { protocol: 'imap', wire, abandoned: abandoned.promise }
}

async function hangSmtp(step: Step): Promise<Hanging> {
  const wire = await gateway.connect(gateway.port(1), '127.0.0.1')
  await wire.readUntil('220 ')
  wire.write('EHLO app.example\r\n')
  await wire.readUntil('250 ')
  await wire.readLine()
  const { length } = scripted.connections
  scripted.script = found => (found === (step === 'greeting' ? 'greeting' : 'AUTH') ? { next: 'nothing' } : undefined)
  wire.write(`${plainOf({ user, password: device.password })}\r\n`)
  const connection = await waitFor('the upstream to be asked', endMs, () => {
    const found = scripted.connections[length]
    return found !== undefined && (step === 'greeting' || found.commands.some(line => line.startsWith('AUTH'))) && found
  })
  const abandoned = new Promise<void>(resolve => connection.socket.once('close', () => resolve()))
  return { protocol: 'submission', wire, abandoned }
}

async function run(...args: string[]): Promise<void> {
  const result = await gateway.mailwicket.json<{ password?: string } | null>(args, args[1] === 'password' ? { printsSecret: true } : {})
  if (args[1] === 'password') registerSecret(result?.password ?? '')
}

async function hangAll(): Promise<void> {
  device = await gateway.mailwicket.addDevice(user, `Device ${++count}`)
  for (const step of steps) hanging.push(await hangImap(step), await hangSmtp(step))
}

/** The app hears that it is over, never that it is in, and the upstream is left. */
async function expectEnd({ protocol, wire, abandoned }: Hanging): Promise<void> {
  const said = await within('the end of the login', endMs, wire.readToEnd(endMs))
  expect(said).toMatch(protocol === 'imap' ? /^(a NO .*\r\n)?\* BYE .*\r\n$/ : /^(535 .*\r\n)?421 .*\r\n$/)
  await within('the upstream to be left', endMs, abandoned)
}

const causes: readonly (readonly [string, (id: string) => readonly string[]])[] = [
  ['revoked', id => ['device', 'revoke', id]],
  ['revoked with all of its mailbox', () => ['device', 'revoke', '--all', user, '--yes']],
  ['disabled', id => ['device', 'disable', id]],
  ['given a new password', id => ['device', 'password', id]],
  ['bound to another network', id => ['device', 'set', id, '--allow-from', '192.0.2.0/24']],
  ['given an end in a second', id => ['device', 'set', id, '--expires', '1s']],
  ['kicked', id => ['session', 'kick', '--device', id]],
  ['kicked with its mailbox', () => ['session', 'kick', '--mailbox', user]],
  ['in a mailbox that is disabled', () => ['mailbox', 'set', user, '--disable']],
]

test.each(causes)('a device that is %s', async (name, argsOf) => {
  await hangAll()
  await run(...argsOf(device.id))
  for (const login of hanging) await expectEnd(login)
  await waitFor('no session', endMs, async () => (await gateway.mailwicket.listSessions()).length === 0)
  if (name.includes('mailbox that is')) await run('mailbox', 'set', user, '--enable')
  const mine = gateway.mailwicket.log.filter(line => line.device === device.id)
  expect(mine.filter(({ event }) => event === 'auth.ok')).toEqual([])
  expect(mine.filter(({ event }) => String(event).startsWith('auth.'))).toHaveLength(hanging.length)
})

test('a device that loses one scope: the logins of the other go on', async () => {
  await hangAll()
  await run('device', 'set', device.id, '--scope', 'imap')
  for (const login of hanging.filter(({ protocol }) => protocol === 'submission')) await expectEnd(login)
  expect(hanging.filter(({ protocol }) => protocol === 'imap').every(({ wire }) => !wire.isEnded)).toBe(true)
})

test('an app that leaves: the upstream is left too', async () => {
  await hangAll()
  for (const { wire } of hanging) wire.destroy()
  for (const { abandoned } of hanging) await within('the upstream to be left', endMs, abandoned)
})
