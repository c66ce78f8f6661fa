/**
 * The store with a clock beside it: how long each read and each batch takes, and what fails. It changes no answer and no error.
 */
import { MailwicketError } from '../../base/errors.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'

type Method = (...args: unknown[]) => Promise<unknown>

/** Method → its name in the metrics. The others are quick, or not of interest. */
const OPERATIONS = {
  findLogin: 'login',
  readGeneration: 'generation',
  findDeviceStatuses: 'standings',
  findKickedSessions: 'kicked',
  readSendingTerms: 'sending-terms',
  record: 'record',
  setTag: 'tag',
} as const satisfies Partial<Record<keyof GatewayStore, string>>

export type StoreOperation = (typeof OPERATIONS)[keyof typeof OPERATIONS]
export type StoreQuery = Exclude<StoreOperation, 'record' | 'tag'>
export const STORE_OPERATIONS: readonly StoreOperation[] = Object.values(OPERATIONS)

export interface StoreMeter {
  storeRead(query: StoreQuery, seconds: number): void
  storeWritten(seconds: number): void
  storeFailed(operation: StoreOperation): void
}

export function meterStore(store: GatewayStore, meter: StoreMeter): GatewayStore {
  const methods = new Map<string | symbol, Method>()
  // A proxy, not a class of the same methods: what the store learns to do tomorrow passes through.
  return new Proxy(store, {
    get: (target, name) => {
      const known = methods.get(name)
      if (known !== undefined) return known
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      // Its fields are private: a method must see the store itself.
      const bound = (value as Method).bind(target)
      const method = isMetered(name) ? meterOne(bound, OPERATIONS[name], meter) : bound
      methods.set(name, method)
      return method
    },
  })
}

function isMetered(name: string | symbol): name is keyof typeof OPERATIONS {
  return Object.hasOwn(OPERATIONS, name)
}

function meterOne(call: Method, operation: StoreOperation, meter: StoreMeter): Method {
  return async (...args) => {
    const startedAt = performance.now()
    try {
      const answer = await call(...args)
      const seconds = (performance.now() - startedAt) / 1000
      if (operation === 'record') meter.storeWritten(seconds)
      else if (operation !== 'tag') meter.storeRead(operation, seconds)
      return answer
    } catch (error) {
      // "There is no such device" is an answer.
      if (!(error instanceof MailwicketError) || error.kind !== 'not-found') meter.storeFailed(operation)
      throw error
    }
  }
}
