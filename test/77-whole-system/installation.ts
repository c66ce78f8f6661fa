/**
 * The two machines of docs/scaling.md on this one: PostgreSQL, Dovecot and Postfix behind, two nodes with two workers and a portal each, HAProxy in front.
 * Configuration and balancer are the blocks of that page; only addresses, ports and file names are others, and a few lines on top that a case needs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { writeDevelopmentCertificate } from '../../certs/development-ca.ts'
import { PostgresServer } from '../../store/postgres-server-fixture.ts'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import { HttpBrowser } from '../fixtures/clients/http-browser.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { launcher, Mailwicket, type NewDevice } from '../fixtures/program/mailwicket.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8')

/** The block of the page with this line in it. */
function blockWith(line: string): string {
  const block = Array.from(page.matchAll(/^```\w*\n([\s\S]*?)^```/gm), match => match[1] ?? '').find(text => text.includes(line))
  if (block === undefined) throw new Error(`docs/scaling.md has no block with ${line}`)
  return block
}

/** Every pair must be there: what the page no longer says must not be replaced in silence. */
function replaceAll(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`docs/scaling.md no longer has ${from}`)
    return result.replaceAll(from, to)
  }, text)
}

export class Installation {
  readonly postgres: PostgresServer
  /** What makes the configuration and runs commands; it serves nothing itself. */
  readonly mailwicket: Mailwicket
  readonly nodes: readonly [Node, Node]
  readonly #dovecot: Dovecot
  readonly #postfix: Postfix
  readonly #balancer: RunningChild
  readonly #ports: Ports
  readonly #ca: string

  private constructor(
    parts: Pick<Installation, 'postgres' | 'mailwicket' | 'nodes'> & { dovecot: Dovecot; postfix: Postfix; balancer: RunningChild; ports: Ports; ca: string },
  ) {
    this.postgres = parts.postgres
    this.mailwicket = parts.mailwicket
    this.nodes = parts.nodes
    this.#dovecot = parts.dovecot
    this.#postfix = parts.postfix
    this.#balancer = parts.balancer
    this.#ports = parts.ports
    this.#ca = parts.ca
  }

  /** Everything, with a mailbox for each of `users`. */
  static async open(users: readonly string[]): Promise<Installation> {
    const postgres = await PostgresServer.start()
    postgres.sql('postgres', 'create database mail')
    const [mailwicket, { dovecot, postfix }] = await Promise.all([Mailwicket.open({ upstreams: [], store: postgres.url('mail') }), openMailServer(users)])
    const { dir, configPath } = mailwicket
    const { ca, cert, key } = await writeDevelopmentCertificate({ directory: join(dir, 'named'), hostNames: ['mail.example.com', 'devices.example.com'] })
    const [imaps = 0, submissions = 0, submission = 0, https = 0, admin = 0, portal = 0] = await pickPorts(6)
    const ports = { imaps, submissions, submission, https, admin, portal }
    const config = replaceAll(blockWith('[[listen]]'), [
      ['10.0.0.', '127.0.0.'],
      ['postgres://mailwicket@db1.internal,db2.internal/mailwicket?sslrootcert=db-ca.pem', postgres.url('mail')],
      ['imap.internal:993', `localhost:${dovecot.ports.tls}`],
      ['smtp.internal:587', `localhost:${postfix.ports.submission}`],
      ['auth = { method = "stored" }', `auth = { method = "stored" }\nca = "${dovecot.authority.ca}"`],
      ['certs/fullchain.pem', cert],
      ['certs/privkey.pem', key],
      ['"0.0.0.0:993"', `"NODE:${imaps}"`],
      ['"0.0.0.0:465"', `"NODE:${submissions}"`],
      ['"0.0.0.0:587"', `"NODE:${submission}"`],
      ['"0.0.0.0:9993"', `"NODE:${admin}"`],
      ['"0.0.0.0:8443"', `"NODE:${portal}"`],
      ['"https://devices.example.com"', `"https://devices.example.com:${https}"`],
    ])
    const nodes = ['127.0.0.11', '127.0.0.12'].map((address, index) => {
      const path = index === 0 ? configPath : join(dir, `node${index + 1}.toml`)
      writeFileSync(path, `log_level = "trace"\nworkers = 2\ndrain_seconds = 120\n${config.replaceAll('NODE:', `${address}:`)}`)
      return new Node(`node${index + 1}`, path)
    }) as [Node, Node]
    for (const user of users) await mailwicket.addMailboxOf(dovecot, user)
    await Promise.all(nodes.map(node => node.start()))
    const balancer = await openBalancer(dir, ports, { ca, cert, key })
    return new Installation({ postgres, dovecot, postfix, mailwicket, nodes, balancer, ports, ca })
  }

  async close(): Promise<void> {
    await this.#balancer.stop('SIGTERM')
    for (const node of this.nodes) await node.stop()
    await this.mailwicket.close()
    await this.#postfix.stop()
    await this.#dovecot.stop()
    this.postgres.remove()
  }

  get url(): string {
    return `https://devices.example.com:${this.#ports.https}`
  }

  /** Whose connections come from `from`. */
  openBrowser(from: string): HttpBrowser {
    return new HttpBrowser(this.url, { ca: this.#ca, from })
  }

  imapAccount({ mailbox, password }: Pick<NewDevice, 'mailbox' | 'password'>): ImapAccount {
    return { host: 'localhost', port: this.#ports.imaps, starttlsPort: 0, user: mailbox, password, ca: this.#ca }
  }

  smtpAccount(device: Pick<NewDevice, 'mailbox' | 'password'>): ImapAccount {
    return { ...this.imapAccount(device), port: this.#ports.submissions, starttlsPort: this.#ports.submission }
  }

  /** Until the balancer sends apps and browsers to this node again. */
  async waitUntilUp({ name }: Node): Promise<void> {
    for (const server of ['imaps', 'submissions', 'submission', 'devices'].map(proxy => `Server ${proxy}/${name} is `))
      await waitFor(`${server}not DOWN`, 30_000, () => !this.#isDown(server))
  }

  /** Until the balancer sends no more mail apps to it. */
  async waitUntilDown({ name }: Node): Promise<void> {
    for (const server of ['imaps', 'submissions', 'submission'].map(proxy => `Server ${proxy}/${name} is `))
      await waitFor(`${server}DOWN`, 30_000, () => this.#isDown(server))
  }

  /** By what it said last. */
  #isDown(server: string): boolean {
    return this.#balancer.stderr.split(server).at(-1)?.startsWith('DOWN') === true
  }
}

async function openMailServer(users: readonly string[]) {
  const dovecot = await Dovecot.open({ users: Object.fromEntries(users.map((user, index) => [user, `upstream/marker+77${index}`])) })
  return { dovecot, postfix: await Postfix.open(dovecot) }
}

interface Ports {
  readonly imaps: number
  readonly submissions: number
  readonly submission: number
  readonly https: number
  readonly admin: number
  readonly portal: number
}

async function openBalancer(dir: string, ports: Ports, { ca, cert, key }: { ca: string; cert: string; key: string }): Promise<RunningChild> {
  const pem = join(dir, 'balancer.pem')
  writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 })
  const path = join(dir, 'haproxy.cfg')
  const config = replaceAll(blockWith('listen imaps'), [
    ['10.0.0.', '127.0.0.'],
    ['bind :', 'bind 127.0.0.1:'],
    [':993\n', `:${ports.imaps}\n`],
    [':465\n', `:${ports.submissions}\n`],
    [':587\n', `:${ports.submission}\n`],
    [':443 ', `:${ports.https} `],
    [':8443\n', `:${ports.portal}\n`],
    ['port 9993 ', `port ${ports.admin} `],
    ['/etc/haproxy/certs/devices.example.com.pem', pem],
    ['/etc/ssl/certs/ca-certificates.crt', ca],
  ])
  writeFileSync(path, config)
  return startChild('haproxy', ['-db', '-f', path])
}

/** One machine: a supervisor, its two workers and its portal, in a process group of their own. */
export class Node {
  readonly name: string
  readonly #path: string
  /** The last is the one that is there. */
  readonly #runs: RunningChild[] = []
  #stopped: Promise<void> | undefined

  constructor(name: string, path: string) {
    this.name = name
    this.#path = path
  }

  async start(): Promise<void> {
    this.#stopped = undefined
    this.#runs.push(startChild(launcher, ['--config', this.#path, 'serve'], { ownGroup: true }))
    await this.process.waitForStdout(/^\{"event":"ready".*$/m, 60_000)
  }

  get process(): RunningChild {
    return this.#runs.at(-1) ?? expect.fail('start() first')
  }

  /** As in `session list`, without the number of the worker. */
  get id(): string {
    return String(this.logOf('ready')[0]?.['node'])
  }

  /** The lines with this event since it was started, or since its first start. */
  logOf(event: string, since: 'start' | 'first start' = 'start'): Record<string, unknown>[] {
    return (since === 'start' ? [this.process] : this.#runs)
      .flatMap(({ stdout }) => stdout.split('\n'))
      .filter(line => line.includes(`"event":"${event}"`))
      .map(line => JSON.parse(line) as Record<string, unknown>)
  }

  /** How often it was started. */
  starts(process: 'worker-1' | 'worker-2' | 'portal'): number {
    return this.#started(process).length
  }

  /** `kill -9`, of one of its processes. */
  killProcess(name: 'worker-1' | 'worker-2' | 'portal'): void {
    process.kill(Number(this.#started(name).at(-1)?.['pid']), 'SIGKILL')
  }

  /** As when its power is gone: nobody has time for a last word. */
  async kill(): Promise<void> {
    process.kill(-this.process.pid, 'SIGKILL')
    await this.process.finished
  }

  /** SIGTERM, once: it drains and ends. */
  stop(): Promise<void> {
    this.#stopped ??= this.#drain()
    return this.#stopped
  }

  async #drain(): Promise<void> {
    const { code, stdout, stderr } = await this.process.stop('SIGTERM', 60_000)
    if (code !== 0 || /unhandled|uncaught|"event":"bug"/i.test(stdout + stderr))
      throw new Error(`${this.name} ended with ${code}:\n${stdout.slice(-3000)}\n${stderr}`)
  }

  #started(process: string): Record<string, unknown>[] {
    return this.logOf('process.started').filter(line => line['process'] === process)
  }
}
