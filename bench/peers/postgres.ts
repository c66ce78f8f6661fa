/**
 * A PostgreSQL server from Debian's packages, in the run's folder, with one database: it asks nobody for a password, hears one port of the loopback, and
 * loses its data at a crash. It belongs to the user postgres, because PostgreSQL refuses root.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresConfig } from '../../config/store-url.ts'
import { findUser, type Workbench } from '../workbench.ts'

const VERSIONS = '/usr/lib/postgresql'
const USER = 'postgres'
const DATABASE = 'bench'
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'shared_buffers=256MB', 'listen_addresses=127.0.0.1', 'max_connections=200']

export interface Postgres {
  /** Of libpq, and of our configuration. */
  readonly url: string
  readonly config: PostgresConfig
  sql(text: string): void
}

export async function startPostgres(bench: Workbench, name: string): Promise<Postgres> {
  const [version] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))
  if (version === undefined) throw new Error('PostgreSQL is not installed')
  const bin = join(VERSIONS, version, 'bin')
  const folder = bench.folder(name, findUser(USER))
  const asUser = ['--reuid', USER, '--regid', USER, '--clear-groups']
  execFileSync(
    'setpriv',
    [...asUser, join(bin, 'initdb'), '-D', join(folder, 'data'), '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    {
      stdio: 'pipe',
      cwd: folder,
    },
  )
  const port = await bench.freePort()
  const settings = [...SETTINGS, `port=${port}`, `unix_socket_directories=${folder}`].flatMap(one => ['-c', one])
  await bench.start(name, 'setpriv', [...asUser, join(bin, 'postgres'), '-D', join(folder, 'data'), ...settings], { port, cwd: folder })
  const urlOf = (database: string) => `postgres://${USER}@127.0.0.1:${port}/${database}`
  const run = (database: string, text: string) =>
    void execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', urlOf(database), '-c', text], { stdio: 'pipe' })
  run('postgres', `create database ${DATABASE}`)
  const tls = { mode: 'disable', ca: undefined, cert: undefined, key: undefined } as const
  return {
    url: urlOf(DATABASE),
    config: { hosts: [{ host: '127.0.0.1', port }], database: DATABASE, user: USER, password: undefined, tls, mustWrite: false },
    sql: text => run(DATABASE, text),
  }
}
