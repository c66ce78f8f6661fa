/**
 * A body that is made while it is sent: the next part when the client has taken the one before, so that memory holds one; everybody else's requests
 * come first; and a client that goes away ends it.
 *
 * All downloads of a process take turns, and together a third of its time: somebody who downloads without end makes no page slow. What fits into one
 * part is sent at once, as a page is.
 */
import { setImmediate as othersFirst, setTimeout as sleep } from 'node:timers/promises'

/** The part, and that there is no other. */
const PARTS_AT_ONCE = 2
/** How much longer than the making of a part nothing is made. */
const REST = 2
/** Less is saved up: no timer is that fine. */
const LEAST_REST_MS = 5
/** A part that took longer was held up by something else. */
const MOST_REST_MS = 500

export interface Pace {
  /** Milliseconds. */
  now(): number
  rest(ms: number): Promise<unknown>
}

export class DownloadTurns {
  readonly #pace: Pace
  #last: Promise<unknown> = Promise.resolve()
  #owedMs = 0

  constructor(pace: Pace = { now: () => performance.now(), rest: sleep }) {
    this.#pace = pace
  }

  /** Makes a part when it is its turn. Whoever comes next waits until the rest is over, too. */
  take<Part>(make: () => Promise<Part>): Promise<Part> {
    let from = 0
    const made = this.#last.then(() => {
      from = this.#pace.now()
      return make()
    })
    const rest = () => this.#rest(this.#pace.now() - from)
    this.#last = made.then(rest, rest)
    return made
  }

  async #rest(workedMs: number): Promise<void> {
    this.#owedMs = Math.min(this.#owedMs + workedMs * REST, MOST_REST_MS)
    if (this.#owedMs < LEAST_REST_MS) return void (await othersFirst())
    const ms = this.#owedMs
    this.#owedMs = 0
    await this.#pace.rest(ms)
  }
}

const downloads = new DownloadTurns()

/** A part should take no longer to make than a page. */
export function streamText(parts: AsyncGenerator<string>, turns = downloads): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let made = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      made += 1
      const { done, value } = made <= PARTS_AT_ONCE ? await parts.next() : await turns.take(() => parts.next())
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await parts.return(undefined)
    },
  })
}
