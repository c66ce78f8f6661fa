/** Projects: `unit`, the tests beside the code; `postgres`, the contract of the store on PostgreSQL; `e2e`, the numbered cases of `test/` with real programs. */
import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/closing-line.ts'

const STORE_CONTRACT = [
  'store/*.test.ts',
  'store/maintenance/{backup,key-rotation,restore,restore-rights,restore-sign-in}.test.ts',
  'store/{accounts,gateway-side,history,limits,notices,postgres,sending,sign-in,transfer}/**/*.test.ts',
]

const cases = 'test/[0-9][0-9]-*/**/*.test.ts'

/** The product's own way to argon2, in cheap. Not for the cases of test/: there the programs are processes of their own, as they are. */
const alias = { argon2: join(import.meta.dirname, 'store/passwords/quick-argon2-fixture.ts') }

/** Where unit tests keep their files: in memory where there is a gigabyte of it, since most of a store's time is spent on waiting for the disk. */
function scratchFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 2 ** 30 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
}

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        test: {
          name: 'unit',
          alias,
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**', cases, 'store/postgres/**'],
          // Both of two cores: Vitest would leave one free.
          maxWorkers: 2,
          // Each worker loads a module once, not once a file: 95 of 263 CPU seconds were that. So nothing in a module may outlive its test.
          isolate: false,
          setupFiles: 'test/fixtures/real-runtime.ts',
          sequence: { groupOrder: 0 },
          env: { TMPDIR: scratchFolder() },
          globalSetup: 'store/store-template-fixture.ts',
          // The slowest takes three seconds on a quiet machine. A limit only ends what would never end: a busy machine is slow, not red.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          // The store's tests once more, over a real PostgreSQL; left out is what only a SQLite file can do.
          name: 'postgres',
          alias,
          include: STORE_CONTRACT,
          maxWorkers: 2,
          isolate: false,
          setupFiles: 'test/fixtures/real-runtime.ts',
          sequence: { groupOrder: 1 },
          globalSetup: 'store/store-template-fixture.ts',
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: [cases],
          // Each worker holds a gateway and a Dovecot of its own. More than the cores of a small machine: most of a case is waiting, for deadlines and delays of logins.
          maxWorkers: 5,
          pool: 'forks',
          globalSetup: 'test/fixtures/program/built-program.ts',
          // After all unit tests, never beside them.
          sequence: { groupOrder: 2 },
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
})
