/** A move in a process of its own that is killed at a moment: `node move-fixture.ts '{"from":…,"to":…,"actor":…,"killedAt":"copied"}'`; `rows 3`: when the third count of rows is told. */
import { type MoveOptions, moveStore } from '../maintenance/move-store.ts'

const { killedAt, ...options } = JSON.parse(process.argv[2] ?? '') as MoveOptions & { readonly killedAt: string }
let counts = 0
const reached = (what: string): void => {
  if (what === killedAt) process.kill(process.pid, 'SIGKILL')
}
await moveStore({ ...options, onStep: reached, onProgress: () => reached(`rows ${++counts}`) })
