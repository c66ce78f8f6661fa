/**
 * The main of the portal's process, started and stopped by the supervisor over Node's channel. `process.env` and `process.exit` are used here.
 *
 * It ends by itself when its supervisor is gone. Signals to the whole group (Ctrl-C, a service manager's stop) are for the supervisor, which
 * then says `stop`; SIGTERM to this process alone closes it too, and it is started anew.
 */
import { setPriority } from 'node:os'
import { BoundedSink } from '../base/bounded-sink.ts'
import { MailwicketError } from '../base/errors.ts'
import { openJsonLog, openReadableLog } from '../base/log.ts'
import { type FromProcess, HEARTBEAT_MS, type ToProcess } from '../base/process-messages.ts'
import { loadConfig } from '../config/config-load.ts'
import { openPortal } from './portal.ts'

/** Mail comes first: when the machine has too little for both, pages wait. */
const NICE = 5

const [, , file = '', form = 'json'] = process.argv
const tell = (message: FromProcess): void => {
  if (process.connected) process.send?.(message)
}

process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})

try {
  setPriority(NICE)
} catch {
  // A sandbox may forbid it.
}

const config = loadConfig({ file, cwd: '/' })
const log = form === 'readable' ? await openReadableLog(process.stdout, config.logLevel) : openJsonLog(new BoundedSink(process.stdout), config.logLevel)
process.on('uncaughtException', error => {
  log.error('bug', { process: 'portal', err: error.message, stack: error.stack })
  process.exit(1)
})

try {
  const portal = await openPortal({ config, env: process.env, log })
  let isStopping = false
  const stop = async () => {
    if (isStopping) return
    isStopping = true
    await portal.close()
    process.exit(0)
  }
  process.on('message', (message: ToProcess) => void (message.kind === 'reload' ? portal.reload() : stop()))
  process.on('disconnect', () => void stop())
  process.on('SIGTERM', () => void stop())
  setInterval(() => {
    tell({ kind: 'alive' })
    tell({ kind: 'figures', figures: portal.takeFigures() })
  }, HEARTBEAT_MS)
  tell({ kind: 'ready', facts: { address: portal.address, url: portal.url } })
} catch (error) {
  const known = error instanceof MailwicketError ? error : undefined
  if (known === undefined) log.error('bug', { process: 'portal', err: (error as Error).message, stack: (error as Error).stack })
  tell({ kind: 'failed', code: known?.code, message: (error as Error).message, remedy: known?.remedy })
  process.disconnect?.()
  process.exitCode = 1
}
