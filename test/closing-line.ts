/** The last line of a run, for programs that read it: `N passed, N failed, N skipped`, from the runner's own counts, never coloured. */
import type { Reporter, TestModule, Vitest } from 'vitest/node'

export class ClosingLine implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      const before = count.failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1
      }
      // A file that could not be loaded, or whose set-up failed, has no test that says so.
      if (module.state() === 'failed' && count.failed === before) count.failed += 1
    }
    if (errors.length > 0 && count.failed === 0) count.failed = errors.length
    this.#write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
  }

  /** Behind whatever the other reporters still have to say. */
  #write(line: string): void {
    this.#vitest?.onClose(() => {
      process.stdout.write(line)
    })
  }
}
