import { expect, test, vi } from 'vitest'

type Callback = (error: Error | null, addresses: readonly { address: string; family: number }[]) => void
const asked: { name: string; callback: Callback }[] = []
vi.mock('node:dns', () => ({ lookup: (name: string, _options: unknown, callback: Callback) => void asked.push({ name, callback }) }))
const { lookUpOnce } = await import('./upstream-lookup.ts')

const options = { all: true, hints: 0 } as const
const ask = (name: string) => new Promise<unknown>(resolve => lookUpOnce(name, options, (error, addresses) => resolve(error ?? addresses)))

test('a hundred logins while the name server thinks are one question; the next one asks anew', async () => {
  const answers = Array.from({ length: 100 }, () => ask('mail.example.com'))
  const other = ask('other.example.com')
  expect(asked.map(({ name }) => name)).toEqual(['mail.example.com', 'other.example.com'])
  const addresses = [{ address: '192.0.2.1', family: 4 }]
  asked[0]?.callback(null, addresses)
  for (const answer of answers) expect(await answer).toEqual(addresses)
  asked[1]?.callback(new Error('silent'), [])
  expect(await other).toEqual(new Error('silent'))
  void ask('other.example.com')
  expect(asked).toHaveLength(3)
})
