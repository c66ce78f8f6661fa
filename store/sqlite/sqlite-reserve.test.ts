/** That a change succeeds on a full disk with it: test/58-store-faults, which has such a disk. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteReserve } from './sqlite-reserve.ts'

const WHOLE = 4 * 1024 * 1024
let dir: string
let reserve: SqliteReserve
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailwicket-reserve-'))
  writeFileSync(join(dir, 'a.db'), '', { mode: 0o600 })
  reserve = new SqliteReserve(join(dir, 'a.db'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const file = () => statSync(join(dir, 'a.db-reserve'))

test('takes its room on the disk, for its owner only, and does not grow', async () => {
  reserve.keep()
  reserve.keep()
  expect([file().size, file().mode & 0o777]).toEqual([WHOLE, 0o600])
  // Whoever keeps files in holes or compressed gives it real blocks too.
  expect(file().blocks * 512).toBeGreaterThanOrEqual(WHOLE)
  expect(await reserve.readSpace()).toMatchObject({ reserveBytes: WHOLE })
})

test('gives its room up once, and takes it back', () => {
  reserve.keep()
  const { ino } = file()
  expect(reserve.release()).toBe(true)
  expect(file().blocks).toBe(0)
  expect(reserve.release()).toBe(false)
  reserve.takeBack()
  expect([file().size, file().ino]).toEqual([WHOLE, ino])
})

test('a command makes none where no gateway has', async () => {
  expect(reserve.release()).toBe(false)
  reserve.takeBack()
  expect(await reserve.readSpace()).toMatchObject({ reserveBytes: 0 })
})
