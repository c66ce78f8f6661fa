import { describe, expect, test } from 'vitest'
import { addEnded, formatMetrics } from '../gateway/monitoring/aggregate-metrics.ts'
import { Metrics } from '../gateway/monitoring/metrics.ts'
import { PrometheusText } from '../gateway/monitoring/prometheus-text-fixture.ts'
import type { Health } from '../gateway/monitoring/readiness.ts'
import { joinHealth } from './pool-monitoring.ts'
import { countWorkers } from './worker-count.ts'
import type { Report } from './worker-messages.ts'

const told = (health: Partial<Health>, isFresh = true) => ({
  isFresh,
  report: { metrics: [], sessions: 0, certificateDaysLeft: 90, health: { notReady: [], warnings: [], lastFailureAt: undefined, ...health } } satisfies Report,
})

describe('joinHealth', () => {
  test('ready as long as one is, with the warnings of all', () =>
    expect(joinHealth([told({ notReady: ['hash-queue-full'], warnings: ['store-space-low'], lastFailureAt: 5 }), told({ lastFailureAt: 3 })], false)).toEqual({
      notReady: [],
      warnings: ['store-space-low'],
      lastFailureAt: 5,
    }))
  test('not ready when none is: each reason once', () =>
    expect(joinHealth([told({ notReady: ['store-unreadable'] }), told({ notReady: ['store-unreadable', 'generation-stale'] })], false).notReady).toEqual([
      'store-unreadable',
      'generation-stale',
    ]))
  test('what one told that does not answer any more is no reason to be ready', () =>
    expect(joinHealth([told({}, false)], false).notReady).toEqual(['starting']))
  test('a node on its way out is not ready', () => expect(joinHealth([told({})], true).notReady).toEqual(['draining']))
})

describe('the metrics of several', () => {
  test('are added; those of a process stand there for each; what the dead counted stays, what they had is gone', async () => {
    const [one, other, dead] = [new Metrics(), new Metrics(), new Metrics()]
    for (const metrics of [one, other, dead]) {
      metrics.messageAccepted()
      metrics.hashed(0.02)
      metrics.sessionBegan({ protocol: 'imap', countBytes: () => ({ bytesIn: 1, bytesOut: 2 }) } as never)
    }
    const ended = await addEnded([], await dead.figures())
    const processes = await Promise.all([one, other].map(async (metrics, index) => ({ process: `worker-${index + 1}`, metrics: await metrics.figures() })))
    const gauge = { name: 'process_open_fds', help: 'h', type: 'gauge', aggregator: 'sum', values: [{ value: 7, labels: {} }] }
    const text = new PrometheusText(await formatMetrics([...processes, { process: 'supervisor', metrics: [gauge] }], ended))
    expect(text.value('mailwicket_messages_accepted_total')).toBe(3)
    expect(text.value('mailwicket_hash_duration_seconds_count')).toBe(3)
    expect(text.value('mailwicket_session_bytes_total', { direction: 'out' })).toBe(6)
    expect(text.value('mailwicket_sessions', { protocol: 'imap' })).toBe(2)
    expect(text.value('process_open_fds', { process: 'supervisor' })).toBe(7)
  })
})

test.each([
  ['auto', 4, 4],
  ['auto', 1, 1],
  [3, 1, 3],
] as const)('workers = %s on %i cores: %i', (workers, cores, expected) => expect(countWorkers({ workers }, cores)).toBe(expected))
