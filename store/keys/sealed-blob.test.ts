import { afterEach, beforeEach, expect, test } from 'vitest'
import { StoreFixture, secret } from '../store-fixture.ts'
import { openBlob, sealBlob } from './sealed-blob.ts'

let fixture: StoreFixture
beforeEach(() => {
  fixture = new StoreFixture()
})
afterEach(() => fixture.remove())

const use = { purpose: 'shown password', bindings: ['session 1', 'device 1'] }
const open = (blob: string, changes: object = {}, now = fixture.now) =>
  openBlob(fixture.keyring, blob, { ...use, ...changes }, now)
    ?.reveal()
    .toString()

test('opens for what it was made for, until its end', () => {
  const blob = sealBlob(fixture.keyring, secret('marker'), use, fixture.now + 1000)
  expect(blob).toMatch(/^[\w-]+$/)
  expect(Buffer.from(blob, 'base64url').toString('latin1')).not.toContain('marker')
  expect(open(blob)).toBe('marker')
  expect(open(blob, {}, fixture.now + 999)).toBe('marker')
  expect(open(blob, {}, fixture.now + 1000)).toBeUndefined()
})

test.each([
  ['another purpose', { purpose: 'form' }],
  ['another session', { bindings: ['session 2', 'device 1'] }],
  ['another device', { bindings: ['session 1', 'device 2'] }],
  ['the same letters, parted elsewhere', { bindings: ['session 1device', ' 1'] }],
  ['fewer bindings', { bindings: ['session 1'] }],
])('does not open for %s', (_what, changes) => {
  expect(open(sealBlob(fixture.keyring, secret('marker'), use, fixture.now + 1000), changes)).toBeUndefined()
})

test('does not open after any change, cut or lengthening, whichever byte it is', () => {
  const bytes = Buffer.from(sealBlob(fixture.keyring, secret('marker'), use, fixture.now + 1000), 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(open(changed.toString('base64url')), `byte ${at}`).toBeUndefined()
    expect(open(bytes.subarray(0, at).toString('base64url')), `cut at ${at}`).toBeUndefined()
  }
  expect(open(Buffer.concat([bytes, Buffer.of(0)]).toString('base64url'))).toBeUndefined()
})

test('has one spelling: others of the same bytes do not open', () => {
  // Two lengths of the value: the last character carries unused bits in one of them.
  for (const value of ['marker', 'marker!', 'marker!!']) {
    const blob = sealBlob(fixture.keyring, secret(value), use, fixture.now + 1000)
    const last = blob.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const others = [
      `${blob}A`,
      `${blob}=`,
      `${blob}==`,
      ` ${blob}`,
      `${blob}\n`,
      ...Array.from(alphabet, sign => blob.slice(0, -1) + sign).filter(one => !one.endsWith(last)),
    ]
    expect(others.filter(other => open(other) !== undefined)).toEqual([])
    expect(open(blob)).toBe(value)
  }
})

test.each(['', 'x', '!'.repeat(100), 'A'.repeat(100), 'A'.repeat(1_000_000), '..\0'])('%j is none', text => {
  expect(open(text)).toBeUndefined()
})

test('opens after a rotation of the master key as long as a process knows the old one; another process that does not, does not', async () => {
  const store = await fixture.create()
  const blob = sealBlob(fixture.keyring, secret('marker'), use, fixture.now + 1000)
  await store.keys.rotate()
  expect(open(blob)).toBe('marker')
  expect(openBlob(fixture.loadKeyring(), blob, use, fixture.now)).toBeUndefined()
  const fresh = sealBlob(fixture.loadKeyring(), secret('marker'), use, fixture.now + 1000)
  // This one has read the file before: it looks again.
  expect(open(fresh)).toBe('marker')
})
