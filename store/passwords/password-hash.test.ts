import { describe, expect, test } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from './password-hash.ts'

const right = Secret.fromText('correct horse battery')
const wrong = Secret.fromText('correct horse batterz')
const tail = '$c29tZXNhbHRzb21lc2E$ZLzJC3Bo3tq7O/lmRlmGFQvOz0fxjCcpFX1Dd1dHjnc'

describe('hashing', () => {
  test('makes argon2id with 19 MiB, two passes, one lane, and a salt of its own', async () => {
    const hasher = new PasswordHasher()
    const [first, second] = await Promise.all([hasher.hash(right), hasher.hash(right)])
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,(p=1,t=2|t=2,p=1)\$/)
    expect(second).not.toBe(first)
  })

  test('tells the right secret from a wrong one', async () => {
    const hasher = new PasswordHasher()
    const phc = await hasher.hash(right)
    expect(await hasher.verify(phc, right)).toBe(true)
    expect(await hasher.verify(phc, wrong)).toBe(false)
  })

  test('reads the parameters from the hash', async () => {
    // Made by the argon2 command: echo -n password | argon2 somesaltsomesa -id -t 2 -k 256 -p 1
    const phc = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    const hasher = new PasswordHasher()
    expect(await hasher.verify(phc, Secret.fromText('password'))).toBe(true)
    expect(await hasher.verify(phc, wrong)).toBe(false)
  })
})

describe('a hash that cannot be judged is an error, never a wrong password', () => {
  test.each([
    ['4 GiB of memory', `$argon2id$v=19$m=4194304,t=2,p=1${tail}`],
    ['a minute of passes', `$argon2id$v=19$m=19456,t=4000000000,p=1${tail}`],
    ['more lanes than cores', `$argon2id$v=19$m=19456,t=2,p=16777215${tail}`],
    ['numbers beyond 32 bits', `$argon2id$v=19$m=99999999999,t=2,p=1${tail}`],
    ['less memory than its lanes need', `$argon2id$v=19$m=8,t=2,p=8${tail}`],
    ['argon2i', `$argon2i$v=19$m=19456,t=2,p=1${tail}`],
    ['bcrypt', '$2b$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefgh'],
    ['a parameter twice', `$argon2id$v=19$m=19456,m=4194304,t=2,p=1${tail}`],
    ['associated data', `$argon2id$v=19$m=19456,t=2,p=1,data=AAAA${tail}`],
    ['no hash', '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2E$'],
    ['clear text', 'correct horse battery'],
    ['nothing', ''],
  ])('%s', async (_what, phc) => {
    await expect(new PasswordHasher().verify(phc, right)).rejects.toMatchObject({ code: 'HASH_UNUSABLE' })
  })

  test('and the error does not quote it', async () => {
    await expect(new PasswordHasher().verify('marker-secret', right)).rejects.toMatchObject({ message: expect.not.stringContaining('marker') })
  })
})

describe('the queue', () => {
  test('refuses when it is full and serves everyone it took', async () => {
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 2 })
    const phc = await hasher.hash(right)
    const results = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => hasher.verify(phc, Secret.fromText(`guess ${n}`))))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(results.filter(result => result.status === 'rejected').map(({ reason }) => reason.code)).toEqual(['HASH_QUEUE_FULL', 'HASH_QUEUE_FULL'])
    expect(hasher.waiting).toBe(0)
    expect(await hasher.verify(phc, right)).toBe(true)
  })

  test('says how many run and wait, when it is full, and what each cost', async () => {
    const seconds: number[] = []
    const hits: string[] = []
    const observer = { hashed: (one: number) => void seconds.push(one), memoHit: () => void hits.push('hit') }
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 1, observer })
    const first = hasher.hash(right)
    expect([hasher.running, hasher.waiting, hasher.isFull]).toEqual([1, 0, false])
    const second = hasher.hash(right)
    expect([hasher.running, hasher.waiting, hasher.isFull]).toEqual([1, 1, true])
    const phc = await first
    await second
    expect([hasher.running, hasher.waiting, hasher.isFull]).toEqual([0, 0, false])
    expect(seconds.length === 2 && seconds.every(one => one > 0)).toBe(true)
    await hasher.verify(phc, right)
    await hasher.verify(phc, right)
    await hasher.verify(phc, wrong)
    expect([seconds.length, hits.length]).toEqual([4, 1])
  })

  test('an unusable hash does not take a place for ever', async () => {
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 0 })
    for (let round = 0; round < 3; round++) await expect(hasher.verify('x', right)).rejects.toMatchObject({ code: 'HASH_UNUSABLE' })
    expect(await hasher.hash(right)).toContain('argon2id')
  })

  test('identical verifications share one', async () => {
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 0 })
    const phc = await hasher.hash(right)
    // With no room to wait, a second computation would be refused.
    expect(await Promise.all(Array.from({ length: 50 }, () => hasher.verify(phc, Secret.fromText('a wrong secret'))))).toEqual(Array(50).fill(false))
    expect(await Promise.all(Array.from({ length: 50 }, () => hasher.verify(phc, right)))).toEqual(Array(50).fill(true))
  })
})

describe('the memo', () => {
  const full = (): PasswordHasher => new PasswordHasher({ concurrency: 0, maxWaiting: 0 })

  test('remembers a success', async () => {
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 0 })
    const phc = await hasher.hash(right)
    await hasher.verify(phc, right)
    const busy = hasher.hash(wrong)
    // The only place is taken: whoever computed now would be refused.
    expect(await hasher.verify(phc, right)).toBe(true)
    await busy
  })

  test('does not remember a failure, and does not outlive a change of the hash', async () => {
    const hasher = new PasswordHasher({ concurrency: 1, maxWaiting: 0 })
    const old = await hasher.hash(right)
    const changed = await hasher.hash(wrong)
    await hasher.verify(old, right)
    await hasher.verify(old, wrong)
    expect(await hasher.verify(changed, right)).toBe(false)
    const busy = hasher.hash(wrong)
    await expect(hasher.verify(old, wrong)).rejects.toMatchObject({ code: 'HASH_QUEUE_FULL' })
    await expect(hasher.verify(changed, right)).rejects.toMatchObject({ code: 'HASH_QUEUE_FULL' })
    await busy
  })

  test('is not shared between processes’ hashers', async () => {
    const hasher = new PasswordHasher()
    const phc = await hasher.hash(right)
    await hasher.verify(phc, right)
    await expect(full().verify(phc, right)).rejects.toMatchObject({ code: 'HASH_QUEUE_FULL' })
  })
})
