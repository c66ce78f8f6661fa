import { expect, it } from 'vitest'
import { MailwicketError } from '../../base/errors.ts'
import type { DeviceId } from '../../base/ids.ts'
import type { GatewayStore } from '../../store/gateway-side/gateway-store.ts'
import { meterStore } from './metered-store.ts'

/** Like the real one it has private fields: a method that is called on something else fails. */
class Store {
  readonly node = 'n1'
  readonly #generation = 7
  failure: Error | undefined
  async readGeneration() {
    if (this.failure !== undefined) throw this.failure
    return this.#generation
  }
  async readSendingTerms(device: string) {
    if (this.failure !== undefined) throw this.failure
    return { device, generation: this.#generation }
  }
  async record() {
    if (this.failure !== undefined) throw this.failure
  }
  tagsOf(mailbox: string) {
    return `${mailbox} ${this.#generation}`
  }
}

function open() {
  const store = new Store()
  const seen: string[] = []
  const meter = {
    storeRead: (query: string, seconds: number) => void seen.push(`read ${query} ${seconds >= 0}`),
    storeWritten: (seconds: number) => void seen.push(`written ${seconds >= 0}`),
    storeFailed: (operation: string) => void seen.push(`failed ${operation}`),
  }
  return { store, seen, metered: meterStore(store as unknown as GatewayStore, meter) }
}

it('answers as the store does', async () => {
  const { metered, seen } = open()
  expect(metered.node).toBe('n1')
  expect(metered.tagsOf('m', undefined as never)).toBe('m 7')
  expect(seen).toEqual([])
  expect(await metered.readGeneration()).toBe(7)
  expect(await metered.readSendingTerms('d1' as DeviceId)).toEqual({ device: 'd1', generation: 7 })
  await metered.record({ connections: [], activity: [], sessions: [], endedSessions: [] })
  expect(seen).toEqual(['read generation true', 'read sending-terms true', 'written true'])
})

it('counts what fails, and throws it on as it was', async () => {
  const { store, metered, seen } = open()
  store.failure = new MailwicketError('STORE_UNAVAILABLE')
  await expect(metered.readGeneration()).rejects.toBe(store.failure)
  await expect(metered.record({ connections: [], activity: [], sessions: [], endedSessions: [] })).rejects.toBe(store.failure)
  expect(seen).toEqual(['failed generation', 'failed record'])
})

it('"no such device" is no failure', async () => {
  const { store, metered, seen } = open()
  store.failure = new MailwicketError('NOT_FOUND')
  await expect(metered.readSendingTerms('d1' as DeviceId)).rejects.toBe(store.failure)
  expect(seen).toEqual([])
})
