/** Whose a file is that takes another's place. These tests need root, who alone can give files away; the suite's other cases do, too. */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replaceFile } from './durable-file.ts'

const SERVICE = 65_534
let dir: string
let [file, draft, kept]: string[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-owner-'))
  ;[file, draft, kept] = ['file', 'draft', 'kept'].map(name => join(dir, name))
  writeFileSync(file ?? '', 'old', { mode: 0o640 })
  writeFileSync(draft ?? '', 'new', { mode: 0o600 })
  chownSync(file ?? '', SERVICE, SERVICE)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const facts = (path = '') => {
  const { uid, gid, mode } = statSync(path)
  return { uid, gid, mode: mode & 0o777 }
}

test('what root puts in the place of a service’s file is the service’s, with the mode it had', () => {
  replaceFile(draft ?? '', file ?? '', kept ?? '')
  expect(facts(file)).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o640 })
  expect(facts(kept)).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o640 })
})

test('who may not give a file away changes nothing, and is told whose it is', () => {
  chownSync(dir, 12_345, 12_345)
  chownSync(draft ?? '', 12_345, 12_345)
  process.seteuid?.(12_345)
  try {
    expect(() => replaceFile(draft ?? '', file ?? '', kept ?? '')).toThrow(
      expect.objectContaining({
        code: 'FILE_UNUSABLE',
        message: expect.stringContaining('belongs to nobody'),
        remedy: expect.stringContaining('runuser -u nobody'),
      }),
    )
  } finally {
    process.seteuid?.(0)
  }
  expect(facts(file)).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o640 })
})
