/**
 * Counts the work that something costs, the same on every machine: how often the blocks of our own code run, and how many bytes and
 * characters Node's functions copy and search for it.
 */
import { Session } from 'node:inspector'

/** Files whose blocks are counted. */
const PRODUCT = /\/(?:base|config|certs|store|upstream|management|gateway|admin-cli|http|portal|api)\/(?!.*(?:\.test|-fixture)\.ts)/

/** Only what is loaded from now on is counted block by block. */
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** Blocks run and bytes touched. Not for two at a time. */
export async function countSteps(run: () => unknown): Promise<number> {
  let bytes = 0
  const restore = [...watchBuffers(count => (bytes += count)), ...watchTexts(count => (bytes += count))]
  // Counts begin anew.
  session.post('Profiler.takePreciseCoverage')
  try {
    await run()
    let blocks = 0
    // Answered before `post` returns: the session is this thread's own.
    session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
      for (const { url, functions } of result) if (PRODUCT.test(url)) for (const { ranges } of functions) for (const { count } of ranges) blocks += count
    })
    return blocks + bytes
  } finally {
    for (const one of restore) one()
  }
}

// biome-ignore lint/suspicious/noExplicitAny: any function of any owner
type AnyFunction = (...args: any[]) => any

/** Puts a function that counts around another; gives how to take it away again. */
function watch(owner: object, name: string, cost: (self: never, args: readonly never[], result: never) => number, count: (bytes: number) => void): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  const original = (owner as Record<string, AnyFunction>)[name] as AnyFunction
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: unknown[]) {
      const result: unknown = original.apply(this, args)
      count(cost(this as never, args as never[], result as never))
      return result
    },
  })
  return () => (before === undefined ? Reflect.deleteProperty(owner, name) : Object.defineProperty(owner, name, before))
}

function watchBuffers(count: (bytes: number) => void): (() => void)[] {
  const searched = (self: Buffer, [, from]: readonly unknown[], found: number | boolean): number =>
    (typeof found === 'number' && found >= 0 ? found + 1 : self.length) - (typeof from === 'number' ? Math.min(from, self.length) : 0)
  const sizeOf = (text: unknown): number => (text as { length?: number } | undefined)?.length ?? 0
  return [
    watch(Buffer, 'concat', (_, __, { length }: Buffer) => length, count),
    watch(Buffer, 'from', (_, __, { length }: Buffer) => length, count),
    watch(Buffer.prototype, 'copy', (_, __, copied: number) => copied, count),
    watch(Buffer.prototype, 'set', (_, [bytes]: readonly unknown[]) => sizeOf(bytes), count),
    watch(Buffer.prototype, 'toString', (_, __, { length }: string) => length, count),
    watch(Buffer.prototype, 'indexOf', searched, count),
    watch(Buffer.prototype, 'includes', searched, count),
  ]
}

function watchTexts(count: (characters: number) => void): (() => void)[] {
  const whole = (text: string): number => text.length
  return [
    // `test`, `match` and `replace` ask it too.
    watch(
      RegExp.prototype,
      'exec',
      (_, [text], found: RegExpExecArray | null) => (found === null ? String(text).length : found.index + found[0].length),
      count,
    ),
    watch(String.prototype, 'split', whole, count),
    watch(String.prototype, 'indexOf', whole, count),
    watch(String.prototype, 'includes', whole, count),
    // It has to be put together from its parts first.
    watch(String.prototype, 'endsWith', whole, count),
  ]
}
