/**
 * The main of a gateway worker, started and stopped by the supervisor over Node's channel, which also hands it its connections.
 * `process.env` and `process.exit` are used here.
 *
 * When its supervisor is gone it lets its sessions go as at a stop, and ends. Signals to the whole group are for the supervisor; SIGTERM to this
 * process alone drains it too, and it is started anew.
 */
import type { Socket } from 'node:net'
import { BoundedSink } from '../base/bounded-sink.ts'
import { MailwicketError } from '../base/errors.ts'
import { type LevelledLog, openJsonLog, openReadableLog } from '../base/log.ts'
import { HEARTBEAT_MS } from '../base/process-messages.ts'
import { Worker } from './worker.ts'
import type { Begin, FromWorker, ToWorker } from './worker-messages.ts'

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message)
}

process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})

const begin = await new Promise<Begin>((resolve, reject) => {
  process.once('message', resolve as (message: unknown) => void)
  process.once('disconnect', () => reject(new Error('the supervisor is gone')))
})
const log = await openLog(begin)
process.on('uncaughtException', error => {
  log.error('bug', { err: error.message, stack: error.stack })
  process.exit(1)
})

try {
  const worker = await Worker.start({ begin, env: process.env, log, tell })
  process.on('message', (message: ToWorker, socket?: Socket) => worker.hear(message, socket))
  const stop = async () => {
    const cut = await worker.stop()
    // Not before it has left: an exit waits for no message.
    if (process.connected) process.send?.({ kind: 'drained', cut } satisfies FromWorker, () => process.exit(0))
    else process.exit(0)
  }
  process.on('message', ({ kind }: ToWorker) => void (kind === 'stop' && stop()))
  process.on('disconnect', () => void stop())
  process.on('SIGTERM', () => void stop())
  if (!process.connected) void stop()
  setInterval(() => worker.isAlive() && tell({ kind: 'alive' }), HEARTBEAT_MS)
  tell({ kind: 'ready', facts: { node: begin.node } })
} catch (error) {
  const known = error instanceof MailwicketError ? error : undefined
  if (known === undefined) log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
  tell({ kind: 'failed', code: known?.code, message: (error as Error).message, remedy: known?.remedy })
  process.disconnect?.()
  process.exitCode = 1
}

/** Its lines say which worker wrote them. */
async function openLog({ worker, config: { logLevel }, isReadable }: Begin): Promise<LevelledLog> {
  return isReadable ? openReadableLog(process.stdout, logLevel, { worker }) : openJsonLog(new BoundedSink(process.stdout), logLevel, { worker })
}
