import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DownloadTurns, streamText } from './text-stream.ts'

test('the next part is made when the one before was taken, and others are heard in between', async () => {
  let made = 0
  async function* parts() {
    for (; made < 1_000; ) yield `${made++}\n`
  }
  const reader = streamText(parts()).getReader()
  for (let at = 0; at < 20; at += 1) await turn()
  expect(made).toBe(1)
  let others = 0
  const count = setInterval(() => {
    others += 1
  }, 0)
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    text += new TextDecoder().decode(value)
    expect(made).toBeLessThanOrEqual(text.split('\n').length + 1)
  }
  clearInterval(count)
  expect(text.split('\n')).toHaveLength(1_001)
  expect(others).toBeGreaterThan(0)
})

test('a client that goes away ends the making', async () => {
  let isEnded = false
  async function* parts() {
    try {
      for (;;) yield 'x'
    } finally {
      isEnded = true
    }
  }
  const reader = streamText(parts()).getReader()
  await reader.read()
  await reader.cancel()
  expect(isEnded).toBe(true)
})

test('downloads that never stop have a third of the time together, each as much as the others', async () => {
  let now = 0
  let worked = 0
  const turns = new DownloadTurns({
    now: () => now,
    rest: async ms => {
      now += ms
    },
  })
  const made = [0, 0, 0]
  async function* work(which: number) {
    for (;;) {
      now += 10
      worked += 10
      made[which] = (made[which] ?? 0) + 1
      yield 'x'
    }
  }
  const readers = [0, 1, 2].map(which => streamText(work(which), turns).getReader())
  const drain = async (reader: (typeof readers)[number]) => {
    for (let part = 0; part < 200; part += 1) await reader.read()
    await reader.cancel()
  }
  await Promise.all(readers.map(drain))
  expect(worked / now).toBeLessThan(0.35)
  expect(Math.max(...made) - Math.min(...made)).toBeLessThanOrEqual(2)
})

test('what fits into one part waits for no turn', async () => {
  const turns = new DownloadTurns({ now: () => 0, rest: async () => {} })
  // A turn that never ends.
  void turns.take(() => new Promise<never>(() => {}))
  async function* short(): AsyncGenerator<string> {
    yield 'a'
  }
  expect(await new Response(streamText(short(), turns)).text()).toBe('a')
})

test('a part that fails ends its own download, and no other', async () => {
  const turns = new DownloadTurns({ now: () => 0, rest: async () => {} })
  // biome-ignore lint/correctness/useYield: it fails before
  async function* failing(): AsyncGenerator<string> {
    throw new Error('away')
  }
  async function* fine(): AsyncGenerator<string> {
    yield 'a'
    yield 'b'
  }
  const [bad, good] = [streamText(failing(), turns), streamText(fine(), turns)]
  await expect(new Response(bad).text()).rejects.toThrow('away')
  expect(await new Response(good).text()).toBe('ab')
})
