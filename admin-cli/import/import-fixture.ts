/**
 * An installation made by `init` for each test, and files that are imported into it as a person does it.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { runHere, type TestTerminalOptions } from '../terminal-fixture.ts'

export const UPSTREAM = 'upstream-marker-7Yw2'

export function useInstallation() {
  let cwd = ''
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
    expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0 })
  })
  afterEach(() => rmSync(cwd, { recursive: true, force: true }))

  const run = (args: readonly string[], options: TestTerminalOptions = {}) => runHere(args, { cwd, ...options })
  return {
    folder: () => cwd,
    run,
    json: async (...args: string[]) => {
      const { code, out, err } = await run([...args, '--json'])
      expect({ code, err }).toEqual({ code: 0, err: '' })
      return JSON.parse(out)
    },
    file: (name: string, lines: readonly string[], mode = 0o600): string => {
      writeFileSync(join(cwd, name), `${lines.join('\n')}\n`)
      chmodSync(join(cwd, name), mode)
      return name
    },
    importRows: async (name: string, ...args: string[]) => {
      const { code, out, err } = await run(['import', name, ...args, '--json'])
      return { code, ...JSON.parse(out || '{}'), error: err === '' ? undefined : JSON.parse(err).error }
    },
  }
}

export const reasons = ({ badRows }: { badRows?: readonly { line: number; reason: string }[] }) => badRows?.map(({ line, reason }) => `${line} ${reason}`)
