/**
 * The portal with everything behind it: a Dovecot, its Postfix, the gateway before both, the portal by https under a name of its own, and Debian's Chromium.
 * Mail apps and browsers use the names that the pages tell them; `--connect-to` and a rule of the browser stand in for the DNS.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { writeDevelopmentCertificate } from '../../certs/development-ca.ts'
import { runOk } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { patient } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { postfixUpstream, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const HOSTS = ['mail.example.com', 'devices.example.com', 'autoconfig.example.com']

export class PortalStage {
  readonly dovecot: Dovecot
  readonly postfix: Postfix
  readonly gateway: SubmissionGateway
  readonly browser: Browser
  readonly url: string
  /** PEM file of the authority behind the certificate. */
  readonly caPath: string
  readonly #port: number

  private constructor(parts: Pick<PortalStage, 'dovecot' | 'postfix' | 'gateway' | 'browser' | 'caPath'> & { readonly port: number }) {
    this.dovecot = parts.dovecot
    this.postfix = parts.postfix
    this.gateway = parts.gateway
    this.browser = parts.browser
    this.url = `https://devices.example.com:${parts.port}`
    this.caPath = parts.caPath
    this.#port = parts.port
  }

  /** `users`: mailboxes that the mail server has, and Mailwicket not yet. */
  static async open(users: readonly string[]): Promise<PortalStage> {
    const dovecot = await Dovecot.open({ users: Object.fromEntries(users.map((user, index) => [user, `upstream/marker+71${index}`])) })
    const postfix = await Postfix.open(dovecot)
    const gateway = await SubmissionGateway.open([postfixUpstream(postfix, dovecot)])
    const { dir, configPath } = gateway.mailwicket
    const files = await writeDevelopmentCertificate({ directory: join(dir, 'named'), hostNames: HOSTS })
    const [port = 0, ...mailPorts] = await pickPorts(5)
    const base = readFileSync(configPath, 'utf8')
      .replace('hostname = "localhost"', 'hostname = "mail.example.com"')
      .replace(/^cert = .*/m, `cert = "${files.cert}"`)
      .replace(/^key = .*/m, `key = "${files.key}"`)
      // The ports that the pages tell are those of the configuration.
      .replaceAll('127.0.0.1:0', () => `127.0.0.1:${mailPorts.pop()}`)
    const portal = [
      '[portal]',
      `address = "127.0.0.1:${port}"`,
      `url = "https://devices.example.com:${port}"`,
      'tls = "implicit"',
      `profile_certificate = { cert = "${files.cert}", key = "${files.key}" }`,
    ]
    writeFileSync(configPath, `${base}\n${portal.join('\n')}\n`)
    const [browser] = await Promise.all([launch(files.cert), gateway.serve()])
    return new PortalStage({ dovecot, postfix, gateway, browser, caPath: files.ca, port })
  }

  async close(): Promise<void> {
    await this.browser.close()
    try {
      await this.gateway.mailwicket.close()
    } finally {
      await this.postfix.stop()
      await this.dovecot.stop()
    }
  }

  /** A browser of somebody: cookies of its own. */
  async openContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({ reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(patient(20_000))
    return context
  }

  async openPage(options: BrowserContextOptions = {}): Promise<Page> {
    return await (await this.openContext(options)).newPage()
  }

  /** A person with a start link; `args` as of `user add`. */
  async addPerson(login: string, name: string, args: readonly string[]): Promise<string> {
    const { startLink } = await this.gateway.mailwicket.json<{ startLink: string }>(['user', 'add', login, '--name', name, ...args], { printsSecret: true })
    registerSecret(startLink.split('/').at(-1) ?? '')
    return startLink
  }

  /** As if the five minutes were over after which this person is asked again who they are. */
  forgetConfirmation(login: string): void {
    const database = new DatabaseSync(join(this.gateway.mailwicket.dir, 'mailwicket.db'))
    try {
      database.exec('pragma busy_timeout = 10000')
      database.prepare('update portal_sessions set confirmed_at = confirmed_at - 301000 where user_id = (select id from users where login = ?)').run(login)
    } finally {
      database.close()
    }
  }

  /** A program that finds every host of ours, and trusts its certificate. */
  async curl(...args: readonly string[]): Promise<string> {
    const hosts = HOSTS.flatMap(host => ['--connect-to', `${host}:443:127.0.0.1:${this.#port}`, '--connect-to', `${host}::127.0.0.1:`])
    return (await runOk('curl', ['--silent', '--show-error', '--fail', '--max-time', '60', '--cacert', this.caPath, ...hosts, ...args])).stdout
  }

  /** Where a mail app reads with this password, and where it sends. */
  imapAccount(user: string, password: string): ImapAccount {
    return { ...this.gateway.mailwicket.account(user, password), ca: this.caPath }
  }

  smtpAccount(user: string, password: string): ImapAccount {
    return { ...this.gateway.smtpAccount(user, password), ca: this.caPath }
  }
}

/** The certificate is trusted by its key: a browser that trusted every one would say nothing about ours. */
async function launch(cert: string): Promise<Browser> {
  const key = new X509Certificate(readFileSync(cert)).publicKey.export({ type: 'spki', format: 'der' })
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--host-resolver-rules=MAP *.example.com 127.0.0.1',
      `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
    ],
  })
}
