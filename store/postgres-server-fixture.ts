/**
 * A PostgreSQL server for tests, from Debian's packages, in a temporary folder: it asks nobody for a password, hears a socket and one port of
 * the loopback, and loses its data at a crash. Run as root it belongs to the user postgres, because PostgreSQL refuses root.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pickPorts } from '../base/sockets/free-ports-fixture.ts'
import type { PostgresConfig } from '../config/store-url.ts'

const VERSIONS = '/usr/lib/postgresql'
/** Nothing is kept, so nothing needs to reach the disk; room for many tests at once. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300', 'shared_buffers=64MB', 'autovacuum=off']

export class PostgresServer {
  readonly folder: string
  readonly port: number
  readonly #bin: string
  readonly #settings: readonly string[]

  private constructor(folder: string, port: number, bin: string, settings: readonly string[]) {
    this.folder = folder
    this.port = port
    this.#bin = bin
    this.#settings = settings
  }

  /** `folder`: one of its own; without it a temporary one. */
  static async start(settings: readonly string[] = [], folder = makeFolder()): Promise<PostgresServer> {
    const server = await PostgresServer.#make(settings, folder)
    server.#run('initdb', ['-D', server.data, '-U', 'mailwicket', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--wal-segsize=1', '--no-sync'])
    server.up()
    return server
  }

  /** A standby that follows this server, and only reads. */
  async standby(): Promise<PostgresServer> {
    const standby = await PostgresServer.#make(this.#settings, makeFolder())
    standby.#run('pg_basebackup', [
      '-D',
      standby.data,
      '-h',
      '127.0.0.1',
      '-p',
      String(this.port),
      '-U',
      'mailwicket',
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
      '--no-sync',
    ])
    standby.up()
    return standby
  }

  static async #make(settings: readonly string[], folder: string): Promise<PostgresServer> {
    const [version] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))
    if (version === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
    chmodSync(folder, 0o755)
    if (process.getuid?.() === 0) chownSync(folder, idOf('-u'), idOf('-g'))
    const [port = 0] = await pickPorts(1)
    return new PostgresServer(folder, port, join(VERSIONS, version, 'bin'), settings)
  }

  /** A standby becomes the server that is written to. */
  promote(): void {
    this.#run('pg_ctl', ['-D', this.data, '-w', '-t', '120', 'promote'])
  }

  /** Database `name` of this server. */
  config(name: string): PostgresConfig {
    const tls = { mode: 'disable', ca: undefined, cert: undefined, key: undefined } as const
    return { hosts: [{ host: '127.0.0.1', port: this.port }], database: name, user: 'mailwicket', password: undefined, tls, mustWrite: false }
  }

  url(name: string): string {
    return `postgres://mailwicket@127.0.0.1:${this.port}/${name}`
  }

  up(): void {
    const options = ['-c listen_addresses=127.0.0.1', `-p ${this.port}`, `-k ${this.folder}`, ...[...SETTINGS, ...this.#settings].map(one => `-c ${one}`)]
    this.#run('pg_ctl', ['-D', this.data, '-w', '-t', '120', '-l', join(this.folder, 'log'), '-o', options.join(' '), 'start'])
  }

  down(mode: 'fast' | 'immediate' = 'fast'): void {
    this.#run('pg_ctl', ['-D', this.data, '-w', '-m', mode, 'stop'])
  }

  sql(database: string, text: string): string {
    return this.#run('psql', [
      '-X',
      '-A',
      '-t',
      '-q',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      '127.0.0.1',
      '-p',
      String(this.port),
      '-U',
      'mailwicket',
      '-d',
      database,
      '-c',
      text,
    ])
  }

  remove(): void {
    // It may have been stopped, or have given up by itself.
    try {
      this.down('immediate')
    } catch {}
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Where its files are. */
  get data(): string {
    return join(this.folder, 'data')
  }

  #run(program: string, args: readonly string[]): string {
    const path = join(this.#bin, program)
    const [file, list] = process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, args]
    return execFileSync(file, list, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder })
  }
}

function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'mailwicket-postgres-'))
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }))
}
