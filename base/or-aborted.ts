/**
 * A promise, unless the signal comes first. What is behind it goes on: `onAborted` is told, to stop it or to get rid of what it gives late.
 */
export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal, onAborted: (late: Promise<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason as Error)
      onAborted(promise)
    }
    // Never unhandled, whoever waits for it.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
