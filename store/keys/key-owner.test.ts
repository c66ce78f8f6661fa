/** A key that root replaces stays the service's; one that cannot be read says whose it is. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyFile, keyFilePath, loadKeyring } from './master-key.ts'

const SERVICE = 65_534
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-key-owner-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** As the service, where the call is not root's. */
function asService<Result>(act: () => Result): Result {
  process.seteuid?.(SERVICE)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
  }
}

test('a rotation that root runs does not lock the service out', () => {
  createKeyFile(keyFilePath(dir))
  for (const path of [dir, join(dir, 'keys'), keyFilePath(dir)]) chownSync(path, SERVICE, SERVICE)
  const service = asService(() => loadKeyring({ dataDir: dir, env: {} }))
  const ring = loadKeyring({ dataDir: dir, env: {} })
  const fresh = ring.addCurrent()
  ring.dropOlder()
  const { uid, gid, mode } = statSync(keyFilePath(dir))
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o600 })
  expect(asService(() => service.get(fresh.id).id)).toBe(fresh.id)
})

test('a key that the service may not read says whose it is and what to run, and what it had stays in use', () => {
  createKeyFile(keyFilePath(dir))
  for (const path of [dir, join(dir, 'keys'), keyFilePath(dir)]) chownSync(path, SERVICE, SERVICE)
  const service = asService(() => loadKeyring({ dataDir: dir, env: {} }))
  chownSync(keyFilePath(dir), 0, 0)
  asService(() => {
    expect(() => loadKeyring({ dataDir: dir, env: {} })).toThrow(
      expect.objectContaining({
        code: 'KEY_UNREADABLE',
        message: expect.stringMatching(/permission denied: it belongs to root \(mode 0600\), and this runs as \w+$/),
        remedy: 'Run the command as root, or name a place that is yours.',
      }),
    )
    expect(service.get(service.currentId).id).toBe(service.currentId)
  })
})

test('a mounted key, root’s and readable by a group of ours, is taken', () => {
  createKeyFile(keyFilePath(dir))
  for (const path of [dir, join(dir, 'keys')]) chmodSync(path, 0o755)
  chownSync(keyFilePath(dir), 1, process.getegid?.() ?? 0)
  chmodSync(keyFilePath(dir), 0o440)
  expect(loadKeyring({ dataDir: dir, env: {} }).ids).toHaveLength(1)
  chmodSync(keyFilePath(dir), 0o444)
  expect(() => loadKeyring({ dataDir: dir, env: {} })).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }))
})
