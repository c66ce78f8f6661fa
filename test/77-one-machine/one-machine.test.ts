/**
 * Dovecot, Postfix and Mailwicket on one machine, by the lines of the README: each block is taken from there, with other ports and paths. A mail program
 * reads and sends through Mailwicket; both servers hear of its address; past Mailwicket nobody gets in, and nobody sends without a login.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { runChild, runOk } from '../fixtures/child-process.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const ANNA = 'anna@example.com'
/** Where the app is: another address than any server's. */
const APP = '127.0.0.7'
const step4 = /\*\*4\. [\s\S]*?\n\*\*5\. /.exec(readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8'))?.[0] ?? ''
const [wholeToml = '', dovecotConf = '', masterCf = '', upstreamToml = ''] = Array.from(
  step4.matchAll(/^```(?:toml)?\n([\s\S]*?)^```/gm),
  match => match[1] ?? '',
)

let dovecot: Dovecot
let postfix: Postfix
let gateway: Mailwicket
let curlrc: string
let ports: { imaps: number; submissions: number; submission: number; postfix: number }

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [ANNA]: 'upstream+secret/77' } })
  postfix = await Postfix.open(dovecot)
  const [imaps = 0, submissions = 0, submission = 0, ofPostfix = 0] = await pickPorts(4)
  ports = { imaps, submissions, submission, postfix: ofPostfix }
  await postfix.stop()
  await dovecot.stop()

  // The socket by which Postfix asks is the README's, not that of our fixture.
  const conf = join(dovecot.dir, 'dovecot.conf')
  const bare = readFileSync(conf, 'utf8').replace(/service auth \{\n {2}unix_listener [\s\S]*?\n\}\n/, '')
  writeFileSync(conf, `${bare}\n${dovecotConf.replaceAll('10143', String(dovecot.ports.plain)).replaceAll('/var/spool/postfix', join(postfix.dir, 'spool'))}`)
  appendFileSync(join(postfix.dir, 'conf/master.cf'), masterCf.replaceAll('10587', String(ofPostfix)))
  await dovecot.start()
  await postfix.start()

  gateway = await Mailwicket.open({ upstreams: [] })
  const toml = wholeToml.replace(/^\[\[upstream\]\][\s\S]*/m, upstreamToml)
  const own: readonly (readonly [string, string])[] = [
    ['0.0.0.0:993', `127.0.0.1:${imaps}`],
    ['0.0.0.0:465', `127.0.0.1:${submissions}`],
    ['0.0.0.0:587', `127.0.0.1:${submission}`],
    ['127.0.0.1:10143', `127.0.0.1:${dovecot.ports.plain}`],
    ['127.0.0.1:10587', `127.0.0.1:${ofPostfix}`],
    ['/var/lib/mailwicket/certs/fullchain.pem', gateway.certificate.cert],
    ['/var/lib/mailwicket/certs/privkey.pem', gateway.certificate.key],
    ['"/var/lib/mailwicket"', '"."'],
    // The name on the certificate.
    ['"mail.example.com"', '"localhost"'],
  ]
  writeFileSync(
    gateway.configPath,
    own.reduce((text, [from, to]) => {
      expect(text).toContain(from)
      return text.replace(from, to)
    }, toml),
  )
  await gateway.addMailboxOf(dovecot, ANNA)
  const { password } = await gateway.addDevice(ANNA, 'phone')
  await gateway.serve()
  curlrc = join(gateway.dir, 'curlrc')
  writeFileSync(curlrc, `user = "${ANNA}:${password}"\ncacert = "${gateway.authority.ca}"\n`)
})

afterAll(async () => {
  await gateway?.close()
  await postfix?.stop()
  await dovecot?.stop()
})

const curl = (...args: string[]) => runOk('curl', ['--silent', '--show-error', '--max-time', '60', '--interface', APP, '--config', curlrc, ...args])

test('`check` finds nothing wrong: both servers are there, and neither can be reached past Mailwicket', async () => {
  const findings = await gateway.json<{ status: string; check: string; message: string }[]>(['check', '--live'])
  expect(findings.filter(({ status }) => status === 'fail')).toEqual([])
  expect(findings.filter(({ check, status }) => /upstream|bypass/.test(check) && status !== 'ok')).toEqual([])
})

test.each(['submissions', 'submission'] as const)('a mail program sends by %s, reads what arrived, and both servers hear of its address', async how => {
  const message = join(gateway.dir, 'message.eml')
  writeFileSync(message, `From: ${ANNA}\r\nTo: ${ANNA}\r\nSubject: by ${how}\r\n\r\nHello\r\n`)
  const url = how === 'submissions' ? ['--url', `smtps://localhost:${ports.submissions}`] : ['--ssl-reqd', '--url', `smtp://localhost:${ports.submission}`]
  await curl(...url, '--mail-from', ANNA, '--mail-rcpt', ANNA, '--upload-file', message)
  await waitFor('the message is in the mailbox', 30_000, async () => {
    const { stdout } = await curl('--request', `SEARCH SUBJECT "by ${how}"`, `imaps://localhost:${ports.imaps}/INBOX`)
    return /SEARCH \d/.test(stdout)
  })
  expect(postfix.readLog()).toMatch(new RegExp(`postfix/submission/smtpd.*client=unknown\\[${APP}\\], sasl_method=\\w+, sasl_username=${ANNA}`))
  expect(dovecot.readLog()).toMatch(new RegExp(`Login: user=<${ANNA}>.*rip=${APP}`))
})

test('past Mailwicket there is no IMAP with TLS, and on the port of Postfix no mail without a login', async () => {
  expect((await runChild('curl', ['--silent', `imaps://127.0.0.1:${dovecot.ports.tls}/`])).code).toBe(7)
  const unknown = await runChild('swaks', ['--server', `127.0.0.1:${ports.postfix}`, '--from', ANNA, '--to', 'somebody@elsewhere.example'])
  expect(unknown.stdout).toMatch(/^<\*\* 554[ -]5\.7\.1 .*Access denied/m)
})
