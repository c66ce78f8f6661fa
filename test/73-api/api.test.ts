/** The API of a running portal: the lines of docs/api.md, as somebody would paste them, and a program with a client that was generated from its document. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeApi } from '../../api/api.ts'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { runChild } from '../fixtures/child-process.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket, upstreamOf } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { CheckedFetch } from './checked-fetch.ts'
import * as everyOperation from './every-operation.ts'
import { defaults } from './generated-client.ts'

const user = 'reader@example.com'
const office = 'office@example.com'
const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(match => match[1] ?? '')
let dovecot: Dovecot
let gateway: Mailwicket
let api: string
let token: string

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/73', [office]: 'upstream+secret/office' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  const [port, mailPort] = await pickPorts(2)
  // An app's settings name the port.
  const config = readFileSync(gateway.configPath, 'utf8').replace('address = "127.0.0.1:0"', `address = "127.0.0.1:${mailPort}"`)
  writeFileSync(gateway.configPath, `${config}\n[portal]\naddress = "127.0.0.1:${port}"\nurl = "http://localhost:${port}"\n`)
  api = `http://localhost:${port}/api/v1`
  await gateway.json(['user', 'add', 'anna', '--admin'], { printsSecret: true })
  await gateway.serve()
  // The line of the page makes it.
  const [words = ''] = blocks.filter(block => block.startsWith('mailwicket token add'))
  const made = await gateway.json<{ token: string }>(words.trim().split(' ').slice(1), { printsSecret: true })
  token = made.token
  registerSecret(token)
})

afterAll(async () => {
  await gateway?.close()
  await dovecot?.stop()
})

/** One block after the other in one shell, each with its output behind a mark. */
async function runBlocks(): Promise<string[]> {
  const curls = blocks.filter(block => block.includes('curl'))
  const script = curls.map(block => `${block}\nprintf '\\n==next==\\n'`).join('\n')
  const { code, stdout, stderr } = await runChild('env', [`API=${api}`, `TOKEN=${token}`, 'bash', '-euo', 'pipefail', '-c', script], { printsSecret: true })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
    .split('\n==next==\n')
    .map(text => text.trim())
    .slice(0, curls.length)
}

test('every line does what the page says, and the password works', async () => {
  const [me, mailboxes, added, renamed, gone, activity] = await runBlocks()
  expect(JSON.parse(me ?? '')).toMatchObject({ login: 'anna' })
  expect(mailboxes).toContain(user)
  const device = JSON.parse(added ?? '') as { device: { name: string }; password: string; settings: readonly unknown[] }
  registerSecret(device.password)
  expect(device).toMatchObject({ device: { name: 'Laptop' }, settings: expect.arrayContaining([expect.objectContaining({ protocol: 'imap' })]) })
  expect(JSON.parse(renamed ?? '')).toMatchObject({ name: 'Old laptop' })
  expect(gone).not.toContain('"code"')
  expect(activity).toMatch(/^at,/)
  // Disconnected by the last lines: the app is out.
  await expect(logIn(gateway.account(user, device.password))).rejects.toThrow('AUTHENTICATIONFAILED')
})

test('a program with a generated client carries out every operation, and each answer is as the document says', async () => {
  const document = (await (await fetch(`${api}/openapi.json`)).json()) as ReturnType<typeof describeApi>
  expect(document).toEqual(JSON.parse(JSON.stringify(describeApi(new URL(api).origin))))
  const checked = new CheckedFetch(document, api)
  const made = await gateway.json<{ token: string }>(
    ['token', 'add', 'anna', 'program', '--scope', 'read,devices,passwords,people,mailboxes', '--allow-from', '127.0.0.0/8', '--expires', '90d'],
    { printsSecret: true },
  )
  registerSecret(made.token)
  Object.assign(defaults, { baseUrl: api, headers: { authorization: `Bearer ${made.token}` }, fetch: checked.fetch })
  const place = { mailbox: office, secret: dovecot.passwordOf(office), logIn: (password: string) => logIn(gateway.account(office, password)) }
  await everyOperation.addMailbox(place)
  const password = await everyOperation.addDevice(place)
  await everyOperation.endSession(place, password)
  await everyOperation.lookAfterPeople(place)
  await everyOperation.invite(place)
  await everyOperation.readHistory(place)
  await everyOperation.leave(place)
  expect(checked.left).toEqual([])
})
