/** TLS of all four kinds of listener, looked at from outside: by testssl.sh, and by openssl for what the scanner does not try: renegotiation, and resumption across a new certificate. */
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChild, runOk, startChild } from '../fixtures/child-process.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { SubmissionGateway } from '../fixtures/program/submission-stage.ts'

interface Listener {
  readonly name: string
  readonly protocol: 'imap' | 'smtp'
  readonly tls: 'implicit' | 'starttls'
}

const listeners: readonly Listener[] = [
  { name: 'imap, implicit', protocol: 'imap', tls: 'implicit' },
  { name: 'imap, STARTTLS', protocol: 'imap', tls: 'starttls' },
  { name: 'submission, implicit', protocol: 'smtp', tls: 'implicit' },
  { name: 'submission, STARTTLS', protocol: 'smtp', tls: 'starttls' },
]
let gateway: SubmissionGateway

beforeAll(async () => {
  // Nobody logs in here.
  const nowhere = { address: '127.0.0.1:9', tls: 'none' } as const
  gateway = await SubmissionGateway.open([{ name: 'main', domains: ['example.com'], imap: nowhere, submission: nowhere }])
  await gateway.serve()
})

afterAll(async () => await gateway?.mailwicket.close())

function portOf({ protocol, tls }: Listener): number {
  const account = protocol === 'imap' ? gateway.mailwicket.account('', '') : gateway.smtpAccount('', '')
  return tls === 'implicit' ? account.port : account.starttlsPort
}

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

describe('testssl.sh', () => {
  test.concurrent.each(listeners)('$name: 1.2 and 1.3 only, no weak suites, no renegotiation, no compression', async listener => {
    const json = join(gateway.mailwicket.dir, `${listener.protocol}-${listener.tls}.json`)
    const starttls = listener.tls === 'starttls' ? ['-t', listener.protocol] : []
    const scan = ['--quiet', '--color', '0', '--warnings', 'off', '-p', '-s', '-R', '-C', '--jsonfile', json, ...starttls, `127.0.0.1:${portOf(listener)}`]
    await runChild('testssl', scan, { timeoutMs: 240_000 })
    const findings = JSON.parse(readFileSync(json, 'utf8')) as Finding[]
    const found = Object.fromEntries(findings.map(({ id, finding }) => [id, finding]))
    expect(found).toMatchObject({
      SSLv2: 'not offered',
      SSLv3: 'not offered',
      TLS1: 'not offered',
      TLS1_1: 'not offered',
      TLS1_2: 'offered',
      TLS1_3: expect.stringMatching(/^offered/),
      cipherlist_NULL: 'not offered',
      cipherlist_aNULL: 'not offered',
      cipherlist_EXPORT: 'not offered',
      cipherlist_LOW: 'not offered',
      cipherlist_3DES_IDEA: 'not offered',
      cipherlist_AVERAGE: 'not offered',
      cipherlist_STRONG: 'offered',
      secure_renego: 'supported',
      secure_client_renego: 'not vulnerable',
      CRIME_TLS: expect.stringMatching(/^not vulnerable/),
    })
    expect(findings.filter(({ id, severity }) => /LOW|MEDIUM|HIGH|CRITICAL/.test(severity) && !id.startsWith('cert'))).toEqual([])
  })
})

/** The arguments of `openssl s_client` for a listener. */
function client({ protocol, tls }: Listener, port: number): string[] {
  return ['s_client', '-connect', `127.0.0.1:${port}`, ...(tls === 'starttls' ? ['-starttls', protocol] : []), '-CAfile', gateway.mailwicket.authority.ca]
}

test.each(listeners)('$name: a client that wants to renegotiate is refused', async listener => {
  // R on a line of its own: s_client renegotiates.
  const child = startChild('openssl', [...client(listener, portOf(listener)), '-tls1_2'], { input: 'R\n' })
  const { stdout, stderr, code } = await child.finished
  expect(stdout + stderr).toContain('RENEGOTIATING')
  expect(stdout + stderr).toMatch(/no renegotiation/)
  expect(code).not.toBe(0)
})

describe.each(['-tls1_2', '-tls1_3'] as const)('%s', version => {
  test('a session from before a new certificate is resumed after it', async () => {
    const { mailwicket } = gateway
    const files = new Map<Listener, string>()
    for (const listener of listeners) {
      const file = join(mailwicket.dir, `session-${listener.protocol}-${listener.tls}${version}`)
      rmSync(file, { force: true })
      files.set(listener, file)
      const first = startChild('openssl', [...client(listener, portOf(listener)), version, '-sess_out', file, '-ign_eof'], { input: 'a NOOP\r\n' })
      await waitFor('a session ticket', 15_000, () => existsSync(file))
      await first.stop('SIGTERM')
    }
    const made = await mailwicket.authority.issue(`renewed${version}`, `renewed${version}`)
    const { fingerprint } = await fingerprintOf(made.cert)
    cpSync(made.key, mailwicket.certificate.key)
    cpSync(made.cert, mailwicket.certificate.cert)
    mailwicket.process.process.kill('SIGHUP')
    await waitFor('the new certificate', 10_000, () => gateway.logOf('certificate.loaded').some(line => line['fingerprint256'] === fingerprint))
    for (const [listener, file] of files) {
      const end = listener.protocol === 'imap' ? 'a LOGOUT\r\n' : 'QUIT\r\n'
      const resumed = await runOk('openssl', [...client(listener, portOf(listener)), version, '-sess_in', file, '-ign_eof'], { input: end })
      expect(resumed.stdout, listener.name).toMatch(/^Reused, TLSv1/m)
      const fresh = await runOk('openssl', [...client(listener, portOf(listener)), version, '-ign_eof'], { input: end })
      expect(fresh.stdout, listener.name).toMatch(/^New, TLSv1/m)
      expect(fresh.stdout, listener.name).toContain(`renewed${version}`)
    }
  })
})

async function fingerprintOf(cert: string): Promise<{ fingerprint: string }> {
  const { stdout } = await runOk('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'])
  return { fingerprint: stdout.trim().split('=')[1] ?? '' }
}
