/**
 * `mailwicket serve`: the gateway in the foreground. Here are only its log, its signals and its end; the rest is gateway/.
 */
import { BoundedSink } from '../../base/bounded-sink.ts'
import type { LevelledLog } from '../../base/log.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { readConfig } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareServe(serve: Command, terminal: Terminal): void {
  addExamples(
    does(serve, terminal, context => serveForeground(context)),
    ['serve', 'readable lines on a terminal, JSON lines otherwise'],
    ['--config /etc/mailwicket/mailwicket.toml serve', 'with this configuration'],
  )
}

async function serveForeground(context: CommandContext): Promise<void> {
  const { terminal } = context
  const config = await readConfig(context)
  const log = await openLog(context, config.logLevel)
  const [{ startSupervisor }, { ServiceManager }] = await Promise.all([import('../../cluster/supervisor.ts'), import('../../cluster/service-manager.ts')])
  terminal.onDefect(error => {
    log.error('bug', { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    terminal.exit(1)
  })
  const starting = startSupervisor({
    config,
    env: terminal.env,
    log,
    isReadable: isReadable(context),
    out: terminal.stdout,
    serviceManager: new ServiceManager({ env: terminal.env, log }),
  })
  let running: Awaited<typeof starting> | undefined
  void starting.then(
    supervisor => {
      running = supervisor
    },
    () => {},
  )
  // Signals are heard from the beginning: who reads the ready line may send one at once.
  const stopped = runUntilStopped(terminal, {
    reload: async () => (await starting).reload(),
    stop: async () => (await starting).stop(),
    kill: () => running?.kill(),
  })
  await Promise.all([starting, stopped])
}

export async function openLog(context: CommandContext, level: Parameters<typeof import('../../base/log.ts').openJsonLog>[1]): Promise<LevelledLog> {
  const { openJsonLog, openReadableLog } = await import('../../base/log.ts')
  const { stdout } = context.terminal
  return isReadable(context) ? openReadableLog(stdout, level) : openJsonLog(new BoundedSink(stdout), level)
}

const isReadable = ({ terminal, json }: CommandContext): boolean => terminal.stdout.isTTY === true && !json

interface Stoppable {
  /** At SIGHUP; what has none is stopped, as when its terminal is closed. Rejects only when the start failed, which is told by whoever started. */
  readonly reload?: () => Promise<unknown>
  stop(): Promise<void>
  /** At a second signal: ends the processes that it started. */
  kill?(): void
}

/** Resolves when the gateway has stopped: after SIGTERM or SIGINT; the demo also when nobody reads what it says. A second signal ends at once. */
export function runUntilStopped(terminal: Terminal, gateway: Stoppable): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false
    const stop = (codeOfSecond: number) => {
      if (stopping) {
        gateway.kill?.()
        return terminal.exit(codeOfSecond)
      }
      stopping = true
      gateway.stop().then(resolve, reject)
    }
    // 128 + the number of the signal, as shells count.
    terminal.onSignal('SIGINT', () => stop(130))
    terminal.onSignal('SIGTERM', () => stop(143))
    terminal.onSignal('SIGHUP', () => (gateway.reload === undefined ? stop(129) : void gateway.reload().catch(ignore)))
    // A log whose reader has died, or whose disk is full, is no reason to end anybody's session: lines are lost.
    let isTold = false
    const tell = (text: string) => {
      if (!isTold) terminal.stderr.write(`mailwicket: ${text}\n`)
      isTold = true
    }
    terminal.onOutputClosed(() => (gateway.reload === undefined ? stop(1) : tell('Nobody reads the log any more, the gateway goes on without it.')))
    terminal.onOutputFailed(error => tell(`The log cannot be written, the gateway goes on without it: ${error.message}`))
  })
}

function ignore(): void {}
