/** Two projects: `unit`, the tests beside the code, and `e2e`, the numbered cases of `test/` with real programs. */
import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/closing-line.ts'

const cases = 'test/[0-9][0-9]-*/**/*.test.ts'

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**', cases],
          // Both of two cores: Vitest would leave one free.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          // The slowest takes three seconds on a quiet machine. A limit only ends what would never end: a busy machine is slow, not red.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: [cases],
          // Each worker holds a gateway and a Dovecot of its own. One more than the cores of a small machine: many cases only wait for deadlines.
          maxWorkers: 3,
          pool: 'forks',
          // After all unit tests, never beside them.
          sequence: { groupOrder: 1 },
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
})
