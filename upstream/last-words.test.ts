import { describe, expect, it } from 'vitest'
import { Wire } from '../base/sockets/wire.ts'
import { openTcpPair } from '../gateway/listen/tcp-pair-fixture.ts'
import { hearLastWords, withLastWords } from './last-words.ts'
import { UpstreamFailure } from './upstream-failure.ts'

describe('the last words of an upstream', () => {
  it('are read when a write fails before they were', async () => {
    const [far, near] = await openTcpPair()
    hearLastWords(near)
    const wire = new Wire(near, 64 * 1024)
    const line = wire.readLine(100)
    far.write('552 5.3.4 too big\r\n')
    far.resetAndDestroy()
    // Both have arrived, and nothing of it was read: this write fails at once.
    near.write('more of the message')
    expect((await line).toString()).toBe('552 5.3.4 too big')
    await expect(wire.readLine(100)).rejects.toMatchObject({ code: 'WIRE_CLOSED' })
    expect(near.destroyed).toBe(true)
  })

  it('do not keep a socket whose owner destroys it', async () => {
    const [far, near] = await openTcpPair()
    hearLastWords(near)
    far.resetAndDestroy()
    near.write('x')
    near.destroy()
    expect(near.destroyed).toBe(true)
  })

  it.each([
    ['* BYE too many', 'says-unavailable'],
    ['421 too many', 'says-unavailable'],
    ['554 not you', 'says-unavailable'],
    ['* OK he', 'closed'],
  ])('%j without its line end is told: %s', async (text, reason) => {
    const [far, near] = await openTcpPair()
    const wire = new Wire(near, 64 * 1024)
    far.end(text)
    const failure = await wire.readLine(100).catch((error: unknown) => withLastWords(wire, error))
    expect(failure).toBeInstanceOf(UpstreamFailure)
    expect(failure).toMatchObject({ reason, detail: `it closed the connection after: ${text}` })
  })
})
