import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { BoundedSink } from './bounded-sink.ts'
import { openJsonLog } from './log.ts'

test('a reader of the log that hangs costs no memory without bound, and hears how much it missed', async () => {
  const stream = new PassThrough()
  const log = openJsonLog(new BoundedSink(stream), 'info')
  const text = 'x'.repeat(1000)
  for (let line = 0; line < 20_000; line++) log.info('auth.ok', { line, text })
  expect(stream.writableLength).toBeLessThan(9 * 1024 * 1024)
  // It reads again: all that was kept, then a word about the rest.
  let received = ''
  stream.setEncoding('utf8').on('data', chunk => {
    received += chunk
  })
  await new Promise(resolve => stream.once('drain', resolve))
  log.info('stopped')
  stream.end()
  await new Promise(resolve => stream.once('end', resolve))
  const lines = received
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const kept = lines.filter(({ event }) => event === 'auth.ok')
  expect(kept.map(({ line }) => line)).toEqual(kept.map((_, index) => index))
  expect(lines.slice(kept.length)).toMatchObject([{ event: 'log.lost', level: 'error', lines: 20_000 - kept.length }, { event: 'stopped' }])
})
