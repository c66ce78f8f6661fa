import { describe, expect, it } from 'vitest'
import { parseAllowFrom, parseScopes } from './device-options.ts'

describe('--scope', () => {
  it.each([
    ['imap', ['imap']],
    ['smtp', ['smtp']],
    ['smtp, IMAP', ['imap', 'smtp']],
    ['imap,imap', ['imap']],
  ])('%s', (text, scopes) => {
    expect(parseScopes(text)).toEqual(scopes)
  })

  it.each(['', 'pop3', 'imap,', 'imap smtp'])('“%s” is refused', text => {
    expect(() => parseScopes(text)).toThrow('is no scope')
  })
})

describe('--allow-from', () => {
  it('takes addresses and networks, once each, in canonical form', async () => {
    expect(await parseAllowFrom(['203.0.113.7', '10.1.2.3/8', '2001:DB8::/32', '10.0.0.0/8'])).toEqual(['203.0.113.7/32', '10.0.0.0/8', '2001:db8::/32'])
  })

  it.each(['', 'example.com', '10.0.0.0/33', '10.0.0', '2001:db8::/129', '10.0.0.0/8/8', '0x7f.1'])('“%s” is refused', async text => {
    await expect(parseAllowFrom([text])).rejects.toMatchObject({ code: 'BAD_INPUT', message: expect.stringContaining('--allow-from') })
  })
})
