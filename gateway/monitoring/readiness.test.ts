import { expect, it } from 'vitest'
import { LIMITS } from '../limits.ts'
import { Readiness, type ReadinessParts } from './readiness.ts'

const DAY_MS = 86_400_000
const certificate = (fromDays: number, toDays: number) =>
  ({ notBefore: new Date(Date.now() + fromDays * DAY_MS), notAfter: new Date(Date.now() + toDays * DAY_MS) }) as ReturnType<
    ReadinessParts['certificates']['list']
  >[number]

function open(changes: { isFailing?: boolean; ageMs?: number; graceMs?: number; isFull?: boolean; certificates?: ReturnType<typeof certificate>[] } = {}) {
  const { isFailing = false, ageMs = 200, graceMs, isFull = false, certificates = [certificate(-10, 80)] } = changes
  return new Readiness({ graceMs, revocation: { isFailing, ageMs }, hasher: { isFull }, certificates: { list: () => certificates } })
}

function serving(changes: Parameters<typeof open>[0]): Readiness {
  const readiness = open(changes)
  readiness.serving()
  return readiness
}

it('begins, serves, and goes away for good', () => {
  const readiness = open()
  expect(readiness.notReady()).toEqual(['starting'])
  readiness.serving()
  expect(readiness.notReady()).toEqual([])
  readiness.draining()
  expect(readiness.notReady()).toEqual(['draining'])
  readiness.serving()
  expect(readiness.notReady()).toEqual(['draining'])
})

it('a gateway that is stopped while it starts does not come to serve', () => {
  const readiness = open()
  readiness.draining()
  readiness.serving()
  expect(readiness.notReady()).toEqual(['draining'])
})

it.each([
  ['the last look at the store failed', { isFailing: true }, ['store-unreadable']],
  ['no look at the store for long', { ageMs: LIMITS.generationFreshMs + 1 }, ['generation-stale']],
  ['as long as is allowed', { ageMs: LIMITS.generationFreshMs }, []],
  ['the store is away, for as long as logins may go on without it', { isFailing: true, ageMs: 60_000, graceMs: 60_000 }, []],
  ['the store is away for longer', { isFailing: true, ageMs: 60_001, graceMs: 60_000 }, ['store-unreadable', 'generation-stale']],
  ['the hash queue is full', { isFull: true }, ['hash-queue-full']],
  ['the only certificate has expired', { certificates: [certificate(-90, -1)] }, ['no-valid-certificate']],
  ['the only certificate is not valid yet', { certificates: [certificate(1, 90)] }, ['no-valid-certificate']],
  ['one certificate is valid', { certificates: [certificate(-90, -1), certificate(-1, 1)] }, []],
  [
    'everything at once',
    { isFailing: true, ageMs: 60_000, isFull: true, certificates: [] },
    ['store-unreadable', 'generation-stale', 'no-valid-certificate', 'hash-queue-full'],
  ],
])('%s', (_what, changes, reasons) => {
  expect(serving(changes).notReady()).toEqual(reasons)
})
