/** The demo: starts by itself, and the curl lines it prints work as pasted; nothing stays behind. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type RunningChild, runChild, startChild } from '../fixtures/child-process.ts'
import { launcher } from '../fixtures/mailwicket.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

let demo: RunningChild | undefined
afterAll(() => void demo?.process.kill('SIGKILL'))

/** As a shell would paste it: lines ended by a backslash belong together. */
function curlLinesOf(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map(line => line.trim().replace(/^\$ /, ''))
    .filter(line => /^(curl|printf) /.test(line))
}

test('prints curl lines that work as pasted', async () => {
  const cwd = makeTempDir()
  // It prints the app password: that is what it is for.
  demo = startChild(launcher, ['demo'], { cwd, printsSecret: true })
  await demo.waitForStdout(/^.*curl .*$/m, 30_000)
  await demo.waitForStdout(/Ctrl-C/i, 10_000)
  const lines = curlLinesOf(demo.stdout)
  expect(lines.length).toBeGreaterThan(0)
  let read = ''
  for (const line of lines) {
    const pasted = await runChild('bash', ['-c', line], { cwd, printsSecret: true })
    expect(`${line}\n${pasted.stderr}${pasted.code}`).toBe(`${line}\n${pasted.stderr}0`)
    // Sending says nothing when it went well.
    if (line.startsWith('curl ')) expect(pasted.stdout.length).toBeGreaterThan(0)
    read = pasted.stdout
  }
  expect(lines.some(line => line.includes('smtps://'))).toBe(true)
  expect(read).toContain('Sent through Mailwicket.')
  const finished = await demo.stop('SIGINT')
  expect(finished.code).toBe(0)
  expect(readdirSync(cwd)).toEqual([])
  // Its folder is the one that the curl lines name.
  const folder = /\S*mailwicket-demo-[^/\s']+/.exec(lines[0] ?? '')?.[0].replace(/^'/, '')
  expect(folder).toBeDefined()
  expect(existsSync(folder ?? '/')).toBe(false)
})

test('--keep keeps the folder', async () => {
  const kept = join(makeTempDir(), 'demo')
  demo = startChild(launcher, ['demo', '--keep', kept], { printsSecret: true })
  await demo.waitForStdout(/^.*curl .*$/m, 30_000)
  await demo.stop('SIGTERM')
  expect(existsSync(join(kept, 'mailwicket.toml'))).toBe(true)
})
