import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const env = { PATH: process.env['PATH'], SERVICE_MANAGER: new URL('./service-manager.ts', import.meta.url).href }

/** `touch` in the place of systemd-notify leaves each word as a file. */
const PROGRAM = `
import { existsSync, openSync } from 'node:fs'
const { ServiceManager } = await import(process.env.SERVICE_MANAGER)
const failed = []
const log = { warn: (event, fields) => failed.push(fields.err) }
const env = { NOTIFY_SOCKET: 'here', WATCHDOG_USEC: '200000', PATH: process.env.PATH }
const manager = new ServiceManager({ env, log, command: 'touch' })
manager.startWatchdog(() => true)
try { for (;;) openSync('/dev/null', 'r') } catch {}
const until = performance.now() + 3000
while (!existsSync('WATCHDOG=1') && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 50))
console.log(JSON.stringify(failed))
process.exit()
`

test('systemd hears that we are alive also when no file descriptor is left, and does not end everybody’s session', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mailwicket-spare-'))
  try {
    const { stdout } = await promisify(execFile)('prlimit', ['--nofile=200', process.execPath, '--input-type=module', '--eval', PROGRAM], { cwd: folder, env })
    expect(JSON.parse(stdout)).toEqual([])
    expect(existsSync(join(folder, 'WATCHDOG=1'))).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
