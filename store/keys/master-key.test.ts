import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyFile, keyFilePath, loadKeyring } from './master-key.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-key-'))
  path = keyFilePath(dir)
})
afterEach(() => rmSync(dir, { recursive: true }))

const load = (env = {}) => loadKeyring({ dataDir: dir, env })

describe('a key file', () => {
  test('is made private, with a key of 32 bytes, and read again', () => {
    const made = createKeyFile(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(dir, 'keys')).mode & 0o777).toBe(0o700)
    expect(readFileSync(path, 'latin1')).toMatch(/^[A-Za-z0-9_-]{43}\n$/)
    const read = load()
    expect([read.currentId, read.ids, read.source]).toEqual([made.currentId, [made.currentId], { kind: 'file', path }])
    expect(read.current.secret.reveal()).toEqual(made.current.secret.reveal())
    expect(made.currentId).toMatch(/^[0-9a-f]{8}$/)
  })

  test('is never overwritten', () => {
    const { currentId } = createKeyFile(path)
    expect(() => createKeyFile(path)).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }))
    expect(load().currentId).toBe(currentId)
  })

  test.each([0o640, 0o604, 0o660, 0o620, 0o610, 0o601])('that others can use (mode %o) is refused', mode => {
    createKeyFile(path)
    chmodSync(path, mode)
    expect(() => load()).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED', reason: 'key-file.exposed', facts: expect.objectContaining({ path }) }))
  })

  test('is judged by what a link points to', () => {
    createKeyFile(path)
    const link = keyFilePath(join(dir, 'linked'))
    mkdirSync(join(dir, 'linked', 'keys'), { recursive: true })
    symlinkSync(path, link)
    chmodSync(path, 0o644)
    expect(() => loadKeyring({ dataDir: join(dir, 'linked'), env: {} })).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }))
  })

  test('that is missing, empty or no key is told apart from a wrong one, and never quoted', () => {
    expect(() => load()).toThrow(expect.objectContaining({ code: 'KEY_UNREADABLE' }))
    createKeyFile(path)
    for (const text of ['', '\n', 'marker-key-of-somebody', `${'A'.repeat(43)}=\n`, `${'A'.repeat(42)}\n`]) {
      writeFileSync(path, text)
      expect(() => load(), JSON.stringify(text)).toThrow(expect.objectContaining({ code: 'KEY_UNREADABLE', message: expect.not.stringContaining('marker') }))
    }
  })

  test('holds older keys behind the current one', () => {
    const ring = createKeyFile(path)
    const first = ring.currentId
    const { id: second } = ring.addCurrent()
    expect(load().ids).toEqual([second, first])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    ring.dropOlder()
    expect(load().ids).toEqual([second])
    // Whoever read a row before may still open it.
    expect(ring.get(first).id).toBe(first)
  })

  test('that another process changed is read again when a key is not known', () => {
    const ring = createKeyFile(path)
    const other = load()
    const { id } = ring.addCurrent()
    expect(other.get(id).id).toBe(id)
    expect(other.currentId).toBe(id)
  })
})

describe('a key from elsewhere', () => {
  const key = Buffer.alloc(32, 7).toString('base64url')

  test('the environment comes first, then a credential, then the file', () => {
    const file = createKeyFile(path)
    const credentials = join(dir, 'credentials')
    mkdirSync(credentials)
    expect(load({ CREDENTIALS_DIRECTORY: credentials }).currentId).toBe(file.currentId)
    writeFileSync(join(credentials, 'mailwicket-master-key'), Buffer.alloc(32, 8).toString('base64url'), { mode: 0o440 })
    const fromCredential = load({ CREDENTIALS_DIRECTORY: credentials })
    expect(fromCredential.source.kind).toBe('credential')
    const fromEnvironment = load({ CREDENTIALS_DIRECTORY: credentials, MAILWICKET_MASTER_KEY: key })
    expect(fromEnvironment.source.kind).toBe('environment')
    expect(new Set([file.currentId, fromCredential.currentId, fromEnvironment.currentId]).size).toBe(3)
  })

  test('a credential that everybody can read is refused', () => {
    writeFileSync(join(dir, 'mailwicket-master-key'), key)
    chmodSync(join(dir, 'mailwicket-master-key'), 0o444)
    expect(() => load({ CREDENTIALS_DIRECTORY: dir })).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }))
  })

  test('is not changed here', () => {
    const ring = load({ MAILWICKET_MASTER_KEY: `${key}\n` })
    expect(() => ring.addCurrent()).toThrow(/can only be changed where it is set/)
    expect(() => ring.get('00000000')).toThrow(expect.objectContaining({ code: 'KEY_WRONG', message: expect.stringContaining(ring.currentId) }))
  })
})
