import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { expect, onTestFinished, test, vi } from 'vitest'
import { lookUpOnce } from './upstream-lookup.ts'

type Callback = (error: Error | null, addresses: readonly { address: string; family: number }[]) => void

const options = { all: true, hints: 0 } as const
const ask = (name: string) => new Promise<unknown>(resolve => lookUpOnce(name, options, (error, addresses) => resolve(error ?? addresses)))

test('a hundred logins while the name server thinks are one question; the next one asks anew', async () => {
  const asked: { name: string; callback: Callback }[] = []
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, _options: unknown, callback: Callback) => {
    asked.push({ name, callback })
  }) as unknown as typeof dns.lookup)
  syncBuiltinESMExports()
  onTestFinished(() => {
    lookup.mockRestore()
    syncBuiltinESMExports()
  })
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
