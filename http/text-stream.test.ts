import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { streamText } from './text-stream.ts'

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
