/**
 * The master keys: where they come from, and the ring of the current and the older ones.
 *
 * Text form, the same in a file, a credential and the environment: one key a line, base64url of 32 bytes; the first is the current one,
 * further ones are still needed while `key rotate` runs. Not in any backup. A file is replaced as a whole, and is on the disk before
 * anything is sealed with what it says.
 */
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import { syncPath, takeOwnerOf } from '../../base/files/durable-file.ts'
import { makeFolder, reasonOf, remedyOf } from '../../base/files/file-errors.ts'
import { isExposed, ourIdentity } from '../../base/files/private-file-mode.ts'
import { Problem } from '../../base/problems.ts'
import { Secret } from '../../base/secret.ts'

const KEY_BYTES = 32
const KEY_LINE = /^[A-Za-z0-9_-]{43}$/
const CREDENTIAL_NAME = 'mailwicket-master-key'
const ENVIRONMENT_NAME = 'MAILWICKET_MASTER_KEY'
/** A wrong key must not become a file read for every login. */
const REFRESH_INTERVAL_MS = 1_000

export interface MasterKey {
  /** The first 8 hexadecimal digits of its SHA-256. */
  readonly id: string
  readonly secret: Secret
}

export type KeySource = { readonly kind: 'file' | 'credential'; readonly path: string } | { readonly kind: 'environment' }

export class Keyring {
  readonly source: KeySource
  #current: MasterKey
  /** Also keys that left the file since: a row that was read a moment before may still need them. */
  readonly #known = new Map<string, MasterKey>()
  #ids: readonly string[]
  #refreshedAt = 0

  constructor(source: KeySource, keys: readonly MasterKey[]) {
    const [current] = keys
    if (current === undefined) throw new MailwicketError('KEY_UNREADABLE', { message: `${nameOf(source)} holds no key` })
    this.source = source
    this.#current = current
    this.#ids = keys.map(key => key.id)
    for (const key of keys) this.#known.set(key.id, key)
  }

  get current(): MasterKey {
    return this.#current
  }

  get currentId(): string {
    return this.#current.id
  }

  /** The ids as in the source, the current one first. */
  get ids(): readonly string[] {
    return this.#ids
  }

  /** A key by its id; looks into the file again when it is not known. Throws KEY_WRONG naming the id needed and those at hand. */
  get(id: string): MasterKey {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    if (Date.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS) this.refresh()
    const found = this.#known.get(id)
    if (found !== undefined) return found
    throw new MailwicketError('KEY_WRONG', { message: `this needs the master key ${id}, but ${nameOf(this.source)} holds ${this.#ids.join(', ')}` })
  }

  /** Reads the file again: another process may have rotated the key. */
  refresh(): void {
    this.#refreshedAt = Date.now()
    if (this.source.kind !== 'file') return
    const keys = readKeys(this.source)
    const [current] = keys
    if (current === undefined) return
    this.#current = current
    this.#ids = keys.map(key => key.id)
    for (const key of keys) this.#known.set(key.id, key)
  }

  /** Puts a new key first in the file; it is on the disk when this returns. Only for a file. */
  addCurrent(): MasterKey {
    const key = makeKey()
    this.#write([key, ...this.#ids.map(id => this.get(id))])
    return key
  }

  /** Leaves only the current key in the file. */
  dropOlder(): void {
    this.#write([this.#current])
  }

  #write(keys: readonly MasterKey[]): void {
    if (this.source.kind !== 'file') throw new MailwicketError('BAD_INPUT', { message: `${nameOf(this.source)} can only be changed where it is set` })
    const { path } = this.source
    const draft = `${path}.new`
    rmSync(draft, { force: true })
    writeKeyFile(draft, keys)
    try {
      takeOwnerOf(draft, path)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
    renameSync(draft, path)
    syncPath(dirname(path))
    this.refresh()
  }
}

export function keyFilePath(dataDir: string): string {
  return join(dataDir, 'keys', 'master.key')
}

/** Finds the master key: environment value, else systemd credential, else key file. Throws KEY_UNREADABLE, KEY_EXPOSED. */
export function loadKeyring({ dataDir, env }: { readonly dataDir: string; readonly env: Readonly<Record<string, string | undefined>> }): Keyring {
  const value = env[ENVIRONMENT_NAME]
  if (value !== undefined && value !== '') return new Keyring({ kind: 'environment' }, parseKeys(value, { kind: 'environment' }))
  const folder = env['CREDENTIALS_DIRECTORY']
  const credential = folder === undefined || folder === '' ? undefined : join(folder, CREDENTIAL_NAME)
  const source: KeySource =
    credential !== undefined && existsSync(credential) ? { kind: 'credential', path: credential } : { kind: 'file', path: keyFilePath(dataDir) }
  return new Keyring(source, readKeys(source))
}

/** Makes a key file with one new key, 0600, and its folder 0700. Throws ALREADY_EXISTS. */
export function createKeyFile(path: string): Keyring {
  makeFolder(dirname(path), 0o700)
  const key = makeKey()
  writeKeyFile(path, [key])
  syncPath(dirname(path))
  return new Keyring({ kind: 'file', path }, [key])
}

function makeKey(): MasterKey {
  return keyOf(randomBytes(KEY_BYTES))
}

function keyOf(bytes: Buffer): MasterKey {
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), secret: Secret.fromBytes(bytes) }
}

function readKeys(source: Exclude<KeySource, { kind: 'environment' }>): MasterKey[] {
  let file: number
  try {
    file = openSync(source.path, 'r')
  } catch (error) {
    // Only a key that is gone is put back from a copy.
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new MailwicketError('KEY_UNREADABLE', {
      message: `the master key ${source.path} cannot be read: ${reasonOf(error, source.path)}`,
      ...(isGone ? {} : { remedy: remedyOf(error, source.path) }),
      cause: error,
    })
  }
  try {
    // SECURITY: asked of the open file, not of the path. systemd gives a service its credential by an ACL, whose mask shows as group bits.
    const stats = fstatSync(file)
    const { mode } = stats
    if (source.kind === 'credential' ? (mode & 0o007) !== 0 : isExposed(stats, ourIdentity())) {
      throw new Problem('key-file.exposed', { path: source.path, mode: (mode & 0o777).toString(8).padStart(4, '0') })
    }
    return parseKeys(readFileSync(file, 'latin1'), source)
  } finally {
    closeSync(file)
  }
}

function parseKeys(text: string, source: KeySource): MasterKey[] {
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  return lines.map((line, at) => {
    if (!KEY_LINE.test(line))
      throw new MailwicketError('KEY_UNREADABLE', { message: `${nameOf(source)}: line ${at + 1} is not a key (base64url of ${KEY_BYTES} bytes)` })
    return keyOf(Buffer.from(line, 'base64url'))
  })
}

function writeKeyFile(path: string, keys: readonly MasterKey[]): void {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') throw new MailwicketError('ALREADY_EXISTS', { message: `there is already a key file: ${path}` })
    throw new MailwicketError('KEY_UNREADABLE', {
      message: `the key file ${path} cannot be written: ${reasonOf(error, path)}`,
      remedy: remedyOf(error, path),
      cause: error,
    })
  }
  try {
    writeSync(file, keys.map(key => `${key.secret.reveal().toString('base64url')}\n`).join(''))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function nameOf(source: KeySource): string {
  return source.kind === 'environment' ? `the environment variable ${ENVIRONMENT_NAME}` : source.path
}
