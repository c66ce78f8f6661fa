import { expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { bucketOf, tagColumns, tagsOf } from './tag.ts'

const pepper = Secret.fromText('p'.repeat(32))
const secret = Secret.fromText('k7mqx2pd9rtfh4wzc8nb')

test('a generated secret has a tag of eight bytes, a chosen one gives away a single byte', () => {
  const { generated, chosen } = tagsOf(pepper, 'box', secret)
  expect([generated.length, chosen.length]).toEqual([8, 1])
  expect(tagColumns(pepper, 'box', secret, 'generated')).toEqual({ tag: generated, bucket: bucketOf(pepper, secret) })
  expect(tagColumns(pepper, 'box', secret, 'chosen')).toEqual({ tag: chosen, bucket: 0 })
})

test('a tag depends on the pepper, the mailbox and the secret, and on where one ends and the next begins', () => {
  const tag = (...[key, box, text]: [Secret, string, string]): string => Buffer.from(tagsOf(key, box, Secret.fromText(text)).generated).toString('hex')
  const tags = [
    tag(pepper, 'box', 'secret'),
    tag(Secret.fromText('q'.repeat(32)), 'box', 'secret'),
    tag(pepper, 'boy', 'secret'),
    tag(pepper, 'box', 'secreu'),
    tag(pepper, 'boxs', 'ecret'),
  ]
  expect(new Set(tags).size).toBe(5)
  expect(tag(pepper, 'box', 'secret')).toBe(tags[0])
})

test('no secret falls into the bucket that every login fetches', () => {
  const buckets = Array.from({ length: 3000 }, (_, n) => bucketOf(pepper, Secret.fromText(String(n))))
  expect(Math.min(...buckets)).toBeGreaterThan(0)
  expect(Math.max(...buckets)).toBeLessThan(65_536)
  expect(new Set(buckets).size).toBeGreaterThan(2800)
})
