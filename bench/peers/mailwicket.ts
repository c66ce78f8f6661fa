/**
 * The gateway as it is installed: a folder made by `mailwicket init`, mailbox and device by the command line, `mailwicket serve` as a process.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Program, Workbench } from '../workbench.ts'
import { BENCH_USER, type Certificate, type Peer, type PeerKind, type PeerName, UPSTREAM_SECRET, type Upstream } from './peer.ts'

const LAUNCHER = new URL('../../bin/mailwicket', import.meta.url).pathname

const SQLITE = 'sqlite:mailwicket.db'

/** Filler devices hang three to a mailbox, as in the design's sizing. */
const DEVICES_PER_MAILBOX = 3

/** One installation: its store, and the devices that the load logs in with. */
export class Installation {
  readonly dir: string
  readonly #bench: Workbench
  readonly #upstream: Upstream
  readonly #certificate: Certificate
  readonly #launcher: string
  readonly #workers: number | undefined
  readonly #store: string

  constructor(bench: Workbench, name: string, upstream: Upstream, certificate: Certificate, { launcher = LAUNCHER, workers = 1, store = SQLITE } = {}) {
    this.#store = store
    this.#bench = bench
    this.#upstream = upstream
    this.#certificate = certificate
    this.#launcher = launcher
    // A tree of before knows one process only, and not the key.
    this.#workers = existsSync(join(launcher, '../../cluster/worker-main.ts')) ? workers : undefined
    this.dir = bench.path(name)
    execFileSync(this.#launcher, ['init', '--dir', this.dir, '--hostname', 'localhost', ...(store === SQLITE ? [] : ['--store', store])], { stdio: 'pipe' })
  }

  /** Adds a mailbox with one device; gives the app password. */
  addMailbox(address: string): string {
    this.#configure(1)
    this.#run(['mailbox', 'add', address, '--secret-stdin', '--no-verify'], UPSTREAM_SECRET)
    const device = JSON.parse(this.#run(['device', 'add', address, 'bench', '--json'])) as { password: string }
    return device.password
  }

  /** Adds devices that nobody uses to a mailbox, as generated ones would look. */
  addFillerDevices(address: string, count: number): void {
    this.fill(database => {
      const mailbox = database.prepare('select id from mailboxes where address = ?').get(address)
      database.prepare(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ?) ${insertDevices(`'${mailbox?.['id']}'`, 'n')}`).run(count)
    })
  }

  /** Adds so many mailboxes with devices that the store has `count` devices more. */
  addFillerMailboxes(count: number): void {
    this.fill(database => {
      database
        .prepare(
          `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
           insert into mailboxes (id, address, domain, upstream, login, sealed_secret, state, created_at)
           select 'f' || lower(hex(randomblob(8))), 'filler' || i || '@example.test', 'example.test', 'main', null, randomblob(64), 'active', 0 from n`,
        )
        .run(Math.ceil(count / DEVICES_PER_MAILBOX))
      database
        .prepare(
          `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${DEVICES_PER_MAILBOX})
           ${insertDevices('m.id', `(select id from mailboxes where address like 'filler%') m cross join n`)}`,
        )
        .run()
    })
  }

  /**
   * Past the command line, by which a million rows would take hours: one transaction, in memory, and the indexes made anew at its end. What is broken
   * off is thrown away with the folder, so nothing is written for the case that it is.
   */
  fill(write: (database: DatabaseSync) => void): void {
    const database = new DatabaseSync(join(this.dir, 'mailwicket.db'), { enableForeignKeyConstraints: false })
    database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -1000000; pragma temp_store = memory')
    const indexes = database.prepare(`select name, sql from sqlite_master where type = 'index' and sql is not null`).all()
    database.exec('begin exclusive')
    for (const { name } of indexes) database.exec(`drop index ${name}`)
    write(database)
    for (const { sql } of indexes) database.exec(String(sql))
    database.exec('commit')
    database.exec('pragma journal_mode = wal')
    database.close()
  }

  /** Runs `mailwicket serve` on a free port; with the portal when it is given one. */
  async serve({ portalPort }: { readonly portalPort?: number } = {}): Promise<{ readonly port: number; readonly program: Program }> {
    const port = await this.#bench.freePort()
    this.#configure(port, portalPort)
    const program = await this.#bench.start(`mailwicket-${port}`, this.#launcher, ['--config', join(this.dir, 'mailwicket.toml'), 'serve'], { port })
    return { port, program }
  }

  /** Serves as a peer, for logins with the app password of BENCH_USER. */
  async servePeer(secret: string, { name = 'Mailwicket', portalPort }: { readonly name?: PeerName; readonly portalPort?: number } = {}): Promise<Peer> {
    const serving = await this.serve(portalPort === undefined ? {} : { portalPort })
    return { name, ...serving, certificate: this.#certificate.pem, user: BENCH_USER, secret }
  }

  #run(args: readonly string[], input = ''): string {
    return execFileSync(this.#launcher, ['--config', join(this.dir, 'mailwicket.toml'), ...args], { input, encoding: 'utf8', stdio: 'pipe' })
  }

  #configure(port: number, portalPort?: number): void {
    this.#bench.write(
      join(this.dir, 'mailwicket.toml'),
      `hostname = "localhost"
${this.#workers === undefined ? '' : `workers = ${this.#workers}\n`}drain_seconds = 0
data_dir = "."

[store]
url = "${this.#store}"

[[certificate]]
cert = "${this.#certificate.certFile}"
key = "${this.#certificate.keyFile}"

[[listen]]
protocol = "${this.#upstream.protocol}"
address = "127.0.0.1:${port}"
tls = "implicit"

[[upstream]]
name = "main"
domains = ["example.test"]
${this.#upstream.protocol} = { address = "127.0.0.1:${this.#upstream.port}", tls = "${this.#upstream.isTls ? 'implicit' : 'none'}" }
ca = "${this.#certificate.certFile}"
auth = { method = "stored" }

[limits]
sessions_per_device = 1000000
${portalPort === undefined ? '' : `[portal]\naddress = "127.0.0.1:${portalPort}"\nurl = "http://127.0.0.1:${portalPort}"\nsecond_factor = "optional"\n`}`,
    )
  }
}

/** As generated devices are stored: 8 bytes of tag, a bucket of 1 … 65535, a hash that is never computed. */
function insertDevices(mailboxId: string, from: string): string {
  const phc = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  return `insert into devices (id, mailbox_id, name, name_key, state, kind, phc, tag, bucket, scopes, expires_at, allow_from, password_version,
            kicked_at, created_at, password_changed_at, revoked_at)
          select 'f' || lower(hex(randomblob(8))), ${mailboxId}, 'filler ' || i, 'filler ' || i, 'active', 'generated', '${phc}', randomblob(8),
            abs(random() % 65535) + 1, 'imap,smtp', null, '', 1, null, 0, 0, null from ${from}`
}

export function mailwicket(bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  return installed('Mailwicket', new Installation(bench, nameOf('mailwicket', upstream), upstream, certificate))
}

/** Another tree of ours, with its packages installed: what a change costs is seen beside the tree before it. */
export function mailwicketBefore(tree: string, bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  const launcher = join(tree, 'bin/mailwicket')
  return installed('Mailwicket before', new Installation(bench, nameOf('before', upstream), upstream, certificate, { launcher }))
}

function nameOf(which: string, { protocol, isTls }: Upstream): string {
  return `${which}-${protocol}${isTls ? '-tls' : ''}`
}

function installed(name: PeerName, installation: Installation): PeerKind {
  const secret = installation.addMailbox(BENCH_USER)
  return { name, start: () => installation.servePeer(secret, { name }) }
}

export function readMailwicketVersion(): string {
  return `Mailwicket ${execFileSync(LAUNCHER, ['--version'], { encoding: 'utf8' }).trim()}`
}
