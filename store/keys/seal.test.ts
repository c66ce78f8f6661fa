import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { Keyring, type MasterKey } from './master-key.ts'
import { keyIdOf, openSealed, seal } from './seal.ts'

const makeKey = (): MasterKey => {
  const bytes = randomBytes(32)
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), secret: Secret.fromBytes(bytes) }
}
const [key, other] = [makeKey(), makeKey()]
const ring = (...keys: MasterKey[]): Keyring => new Keyring({ kind: 'environment' }, keys)
const place = { table: 'mailboxes', column: 'sealed_secret', row: 'a1' }
const marker = Secret.fromText('upstream-marker')

describe('a sealed secret', () => {
  test('opens in its place, under its key, also when that is an older one', () => {
    const blob = seal(key, marker, place)
    expect(openSealed(ring(key), blob, place).reveal().toString()).toBe('upstream-marker')
    expect(openSealed(ring(other, key), blob, place).reveal().toString()).toBe('upstream-marker')
    expect(keyIdOf(blob)).toBe(key.id)
    expect(Buffer.from(blob).toString('latin1')).not.toContain('marker')
  })

  test('looks different each time', () => {
    expect(seal(key, marker, place)).not.toEqual(seal(key, marker, place))
  })

  test('does not open when any one byte was changed', () => {
    const blob = seal(key, marker, place)
    for (let at = 0; at < blob.length; at++) {
      const tampered = Uint8Array.from(blob)
      tampered[at] = (tampered[at] ?? 0) ^ 1
      expect(() => openSealed(ring(key, other), tampered, place), `byte ${at}`).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(STORE_DAMAGED|KEY_WRONG)$/) }),
      )
    }
  })

  test('does not open when it was cut anywhere', () => {
    const blob = seal(key, marker, place)
    for (let length = 0; length < blob.length; length++) {
      expect(() => openSealed(ring(key), blob.subarray(0, length), place)).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
    }
  })

  test.each([
    ['another row', { ...place, row: 'a2' }],
    ['another column', { ...place, column: 'sealed_token' }],
    ['another table', { ...place, table: 'meta' }],
    ['names that only read the same in a row', { table: 'mailboxess', column: 'ealed_secret', row: 'a1' }],
  ])('does not open in %s', (_where, elsewhere) => {
    expect(() => openSealed(ring(key), seal(key, marker, place), elsewhere)).toThrow(/belongs to another row/)
  })

  test('under another key names the key it needs and those at hand', () => {
    expect(() => openSealed(ring(other), seal(key, marker, place), place)).toThrow(
      expect.objectContaining({ code: 'KEY_WRONG', message: expect.stringMatching(new RegExp(`${key.id}.*${other.id}`)) }),
    )
  })
})
