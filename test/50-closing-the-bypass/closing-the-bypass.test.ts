/** The second lock of docs/migrating.md: Dovecot takes a user's password from the gateway's address alone, and Postfix asks Dovecot. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild } from '../fixtures/child-process.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { postfixUpstream, SubmissionStage } from '../fixtures/program/submission-stage.ts'
import type { Dovecot } from '../fixtures/servers/dovecot.ts'

const anna = 'anna@example.com'
/** Her submission upstream is told the app's address. */
const told = 'told@xclient.example'
/** Where the apps are; the gateway comes from 127.0.0.1. */
const appAddress = '127.0.0.9'

let stage: SubmissionStage

beforeAll(async () => {
  stage = await SubmissionStage.open({
    users: [anna, told],
    upstreams: (postfix, dovecot) => {
      const main = postfixUpstream(postfix, dovecot)
      const xclient = { address: `localhost:${postfix.ports.xclient}`, tls: 'none' as const }
      return [main, { ...main, name: 'told', domains: ['xclient.example'], submission: xclient, forwardClient: 'xclient' }]
    },
  })
})
afterAll(async () => await stage?.close())

/** Whether an app at its own address gets in with this name and password. */
async function getsIn(url: string, user: string, password: string): Promise<boolean> {
  const config = join(stage.dovecot.dir, 'curlrc')
  writeFileSync(config, `user = "${user}:${password}"\n`)
  const args = ['--silent', '--insecure', '--max-time', '20', '--interface', appAddress, '--config', config, url]
  // By SMTP curl would send a message, or ask for HELP.
  const { code } = await runChild('curl', url.startsWith('smtp') ? ['--request', 'NOOP', ...args] : args)
  if (code !== 0 && code !== 67) throw new Error(`curl ended with ${code}`)
  return code === 0
}

const direct = () => [`imaps://127.0.0.1:${stage.dovecot.ports.tls}/`, `smtps://127.0.0.1:${stage.postfix.ports.submissions}/`]

async function through(user: string): Promise<boolean[]> {
  const { imap, smtp } = await stage.gateway.addDevice(user, `App ${Math.random()}`)
  return [await getsIn(`imaps://127.0.0.1:${imap.port}/`, user, imap.password), await getsIn(`smtps://127.0.0.1:${smtp.port}/`, user, smtp.password)]
}

const directly = async (user: string) => Promise.all(direct().map(url => getsIn(url, user, stage.dovecot.passwordOf(user))))

/** Gives the passdb of the users more settings and has them read. */
async function lock(dovecot: Dovecot, field: string): Promise<void> {
  const path = join(dovecot.dir, 'dovecot.conf')
  const users = `args = ${dovecot.dir}/passwd\n`
  const text = readFileSync(path, 'utf8').replace(/\n {2}override_fields = .*/g, '')
  writeFileSync(path, text.replace(users, `${users}  override_fields = ${field}\n`))
  process.kill(Number(readFileSync(join(dovecot.dir, 'run/master.pid'), 'utf8')), 'SIGHUP')
}

test('without a lock the real password goes round the gateway', async () => {
  expect(await directly(anna)).toEqual([true, true])
})

test('with allow_nets the real password works nowhere but at the gateway, for reading and sending', async () => {
  await lock(stage.dovecot, 'allow_nets=127.0.0.1,local')
  // While it reads its configuration, connections may be cut.
  await waitFor('the lock', 20_000, async () => (await directly(anna).catch(() => [true])).every(isIn => !isIn))
  expect(await through(anna)).toEqual([true, true])
})

test('where Postfix is told the app’s address, the lock sees that one, and refuses the gateway too', async () => {
  expect(await through(told)).toEqual([true, false])
})
