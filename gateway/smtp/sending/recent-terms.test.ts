import { expect, it } from 'vitest'
import type { DeviceId } from '../../../base/ids.ts'
import type { SendingTerms } from '../../../store/sending/sending-rows.ts'
import { LIMITS } from '../../limits.ts'
import { RecentTerms } from './recent-terms.ts'

const [one, other] = ['one', 'other'] as DeviceId[] as [DeviceId, DeviceId]

function open({ recipientsPerDay = null as number | null } = {}) {
  const asked: string[] = []
  const at = { now: 5 }
  let failure: Error | undefined
  const terms = new RecentTerms(
    async device => {
      asked.push(device)
      if (failure !== undefined) throw failure
      return {
        device,
        own: [],
        rules: [
          { of: 'device', recipientsPerDay: null },
          { of: 'mailbox', recipientsPerDay },
        ],
      } as unknown as SendingTerms
    },
    () => at.now,
  )
  return { terms, asked, at, fail: (error: Error | undefined) => (failure = error) }
}

it('asks four times a second and device, however often it is asked', async () => {
  const { terms, asked, at } = open()
  for (; at.now < 1_000; at.now += 1) {
    await terms.read(one)
    await terms.read(other)
  }
  expect(asked.filter(device => device === one)).toHaveLength(4)
  expect(asked).toHaveLength(8)
})

it('is never older than that, also when reading takes long', async () => {
  const { terms, asked, at } = open()
  await terms.read(one)
  at.now += LIMITS.sendingTermsMs - 1
  await terms.read(other)
  at.now += 1
  const slow = terms.read(other)
  at.now += LIMITS.sendingTermsMs
  const next = terms.read(other)
  await Promise.all([slow, next])
  expect(asked).toEqual([one, other, other, other])
})

it('asks each time where a limit a day counts', async () => {
  const { terms, asked } = open({ recipientsPerDay: 5 })
  for (let i = 0; i < 3; i += 1) await terms.read(one)
  expect(asked).toHaveLength(3)
})

it('does not remember a failure', async () => {
  const { terms, fail } = open()
  fail(new Error('down'))
  await expect(terms.read(one)).rejects.toThrow('down')
  fail(undefined)
  expect(await terms.read(one)).toMatchObject({ device: one })
})
