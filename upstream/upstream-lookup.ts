/**
 * The address of an upstream that has a name. Lookups for the same name at the same time are one: the system's resolver works on two at a time in the
 * whole process and none can be called back, so behind a name server that is silent every login would queue for minutes.
 *
 * Nothing is remembered beyond that: who caches names is the system.
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

type Answer = Parameters<LookupFunction>[2]

const inFlight = new Map<string, Answer[]>()

/** For the `lookup` option of `net.connect`. */
export const lookUpOnce: LookupFunction = (hostname, options, answer) => {
  const key = `${hostname} ${options.family} ${options.hints} ${options.all}`
  const waiting = inFlight.get(key)
  if (waiting !== undefined) {
    waiting.push(answer)
    return
  }
  const all = [answer]
  inFlight.set(key, all)
  lookup(hostname, options as LookupOptions, (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => {
    inFlight.delete(key)
    for (const one of all) one(error, address, family)
  })
}
