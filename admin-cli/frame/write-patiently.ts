/** Writes, and waits while a pipe is full: what is written in pieces may be larger than the memory. */
import type { Screen } from './terminal.ts'

export async function writePatiently(stdout: Screen, text: string): Promise<void> {
  const screen = stdout as Screen & { once?(event: 'drain', listener: () => void): unknown }
  if (screen.write(text) === false && screen.once !== undefined) await new Promise<void>(resolve => void screen.once?.('drain', resolve))
}
