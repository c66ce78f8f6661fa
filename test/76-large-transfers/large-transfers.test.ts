/**
 * Large mails up and down and out, several at a time, over every kind of upstream; with Node's way of reading into given memory, and with a Node that has
 * it otherwise: there a gateway is slower, and nothing else.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp } from '../fixtures/clients/raw-smtp.ts'
import { ScriptedSmtp } from '../fixtures/misbehaving/scripted-smtp.ts'
import { SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'

const withoutSharedReads = fileURLToPath(new URL('../fixtures/program/without-shared-reads.ts', import.meta.url))
const upstreams = ['none', 'implicit', 'starttls'] as const
const userOf = (tls: string) => `reader@${tls}.example`
let dovecot: Dovecot
let sink: ScriptedSmtp
let gateway: SubmissionGateway
const passwords: Record<string, string> = {}

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: Object.fromEntries(upstreams.map(tls => [userOf(tls), `upstream/${tls}+secret`])) })
  sink = await ScriptedSmtp.open()
  gateway = await SubmissionGateway.open(
    upstreams.map(tls =>
      sink.asUpstream({
        name: tls,
        domains: [`${tls}.example`],
        imap: { address: `localhost:${tls === 'implicit' ? dovecot.ports.tls : dovecot.ports.plain}`, tls },
        ca: dovecot.authority.ca,
      }),
    ),
  )
  for (const tls of upstreams) {
    await gateway.mailwicket.addMailbox(userOf(tls), dovecot.passwordOf(userOf(tls)), ['--no-verify'])
    passwords[tls] = (await gateway.mailwicket.addDevice(userOf(tls), 'Phone')).password
  }
})

afterAll(async () => {
  await gateway?.mailwicket.close()
  await sink?.close()
  await dovecot?.stop()
})

/** No two alike, and no two lines. */
function makeMessage(bytes: number): Buffer {
  const lines = randomBytes(bytes / 2)
    .toString('hex')
    .match(/.{1,76}/g) as string[]
  return Buffer.from(`Subject: large\r\n\r\n${lines.join('\r\n')}\r\n`)
}

describe.each([
  ['this Node', []],
  ['one that has it otherwise', ['env', `NODE_OPTIONS=--import=${withoutSharedReads}`]],
] as const)('with %s', (_, wrapper) => {
  const serial = wrapper.length
  beforeAll(async () => await gateway.mailwicket.serve(wrapper))
  afterAll(async () => await gateway.mailwicket.stopServe())

  test('every byte of an APPEND arrives, and comes back', async () => {
    await Promise.all(
      upstreams.map(async tls => {
        const account = gateway.mailwicket.account(userOf(tls), passwords[tls] ?? '')
        await Promise.all(
          [0, 1].map(async number => {
            const imap = await logIn(account)
            const message = makeMessage(1_500_000)
            await imap.ok(`CREATE Box${number}${serial}`)
            imap.write(`a APPEND Box${number}${serial} {${message.length}+}\r\n`)
            imap.write(message)
            imap.write('\r\n')
            expect(await imap.readReply('a', 60_000)).toMatch(/^a OK /m)
            await imap.ok(`EXAMINE Box${number}${serial}`)
            await imap.ok('FETCH 1 BODY.PEEK[]', 60_000)
            expect(imap.received.includes(message), tls).toBe(true)
            imap.destroy()
          }),
        )
      }),
    )
  })

  test('every byte of a submission arrives', async () => {
    const account = gateway.smtpAccount(userOf('none'), passwords['none'] ?? '')
    const messages = [1_000_000, 300_000, 70_000, 2_000_000].map(makeMessage)
    await Promise.all(
      messages.map(async (message, index) => {
        const smtp = await logInSmtp(account, index % 2 === 0 ? 'implicit' : 'starttls')
        expect(await smtp.send(userOf('none'), ['x@example.org'], message, 60_000)).toMatch(/^250/)
        smtp.destroy()
      }),
    )
    for (const message of messages) expect(sink.messages.some(taken => taken.equals(message))).toBe(true)
  })
})
