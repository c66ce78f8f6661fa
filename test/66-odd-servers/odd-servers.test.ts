/** Before odd servers: `mailbox add` says good exactly when a device's login works. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lastLineOf, openImaps } from '../fixtures/clients/raw-imap.ts'
import { openSmtp, plainOf } from '../fixtures/clients/raw-smtp.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'
import { oddSecret, oddServers, openServer } from './odd-servers.ts'

let gateway: Mailwicket
const servers: { close(): void }[] = []
const domainOf = (index: number) => `odd${index}.example`
const addressOf = (index: number) => `reader@${domainOf(index)}`

beforeAll(async () => {
  registerSecret(oddSecret)
  gateway = await Mailwicket.open({ upstreams: [] })
  for (const [index, { behave, protocol, more = '' }] of oddServers.entries()) {
    const server = await openServer(behave)
    servers.push(server)
    const endpoint = `{ address = "127.0.0.1:${server.port}", tls = "none" }`
    appendFileSync(gateway.configPath, `\n[[upstream]]\nname = "odd${index}"\ndomains = ["${domainOf(index)}"]\n${protocol} = ${endpoint}\n${more}\n`)
  }
  const submission = '\n[[listen]]\nprotocol = "submission"\naddress = "127.0.0.1:0"\ntls = "implicit"\n'
  writeFileSync(gateway.configPath, readFileSync(gateway.configPath, 'utf8').replace('\n[[upstream]]', `${submission}\n[[upstream]]`))
  await gateway.serve()
})

afterAll(async () => {
  await gateway?.close()
  for (const server of servers) server.close()
})

test.each(oddServers.map((server, index) => ({ ...server, index })))('$protocol: $name', async ({ index, protocol, good }) => {
  const address = addressOf(index)
  const add = ['mailbox', 'add', address, '--login', 'reader', '--secret-stdin']
  const added = await gateway.run([...add, '--json'], { input: oddSecret })
  const report = `${added.stdout}${added.stderr}`
  expect({ good: added.code === 0, report }).toEqual({ good, report })
  // No words of a library or of OpenSSL.
  expect(report).not.toMatch(/Premature close|proxy connection|routines|ERR_|undefined/)
  if (added.code !== 0) await gateway.json([...add, '--no-verify'], { input: oddSecret })
  const { password } = await gateway.addDevice(address, 'App')
  expect(await canLogIn(protocol, address, password)).toBe(good)
})

async function canLogIn(protocol: 'imap' | 'submission', address: string, password: string): Promise<boolean> {
  const account = gateway.account(address, password)
  if (protocol === 'imap') {
    const imap = await openImaps(account)
    const reply = lastLineOf(await imap.command(`LOGIN ${address} ${password}`, 60_000))
    imap.destroy()
    return / OK /.test(reply)
  }
  const ready = gateway.log.find(({ event }) => event === 'ready') as unknown as { listen: { protocol: string; address: string }[] }
  const port = Number(
    ready.listen
      .find(one => one.protocol === 'submission')
      ?.address.split(':')
      .at(-1),
  )
  const smtp = await openSmtp({ ...account, port })
  const reply = await smtp.command(plainOf(account), 60_000)
  smtp.destroy()
  return reply.startsWith('235')
}
