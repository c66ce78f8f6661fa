/**
 * A progress bar on stderr while something long runs, on a terminal only; none for what is done in one step. The only adapter for cli-progress.
 */
import type { CommandContext } from './command-context.ts'

export interface Progress {
  readonly onProgress: (state: { readonly done: number; readonly total: number }) => void
  /** Takes the bar away; must be called also after a failure. */
  stop(): void
}

/** `what` stands before the bar, for example “Backup”. */
export async function openProgress(context: CommandContext, what: string): Promise<Progress> {
  const { stderr } = context.terminal
  if (context.json || stderr.isTTY !== true) return { onProgress: () => {}, stop: () => {} }
  const { SingleBar, Presets } = await import('cli-progress')
  const bar = new SingleBar(
    { format: `${what} {bar} {percentage} %`, stream: stderr as NodeJS.WritableStream, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  )
  let started = false
  return {
    onProgress({ done, total }) {
      if (!started && done >= total) return
      if (!started) bar.start(total, done)
      started = true
      bar.setTotal(total)
      bar.update(done)
    },
    stop() {
      if (started) bar.stop()
    },
  }
}
