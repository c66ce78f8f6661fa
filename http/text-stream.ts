/**
 * A body that is made while it is sent: the next part when the client has taken the one before, so that memory holds one; everybody else's requests
 * come first; and a client that goes away ends it.
 */
import { setImmediate as othersFirst } from 'node:timers/promises'

/** A part should take no longer to make than a page. */
export function streamText(parts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      // A store that answers at once would else be asked again and again before anybody else is heard.
      await othersFirst()
      const { done, value } = await parts.next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await parts.return(undefined)
    },
  })
}
