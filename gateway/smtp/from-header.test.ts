import { describe, expect, it } from 'vitest'
import { checkFromHeader, findFrom } from './from-header.ts'

describe('the From line', () => {
  it.each([
    ['From: ann@example.com', 'ann@example.com'],
    ['from : Ann <ann@example.com>', 'ann@example.com'],
    ['Subject: x\r\nFROM:\r\n "Ann, (the one)" \r\n\t<ann@example.com>\r\nTo: from: x', 'ann@example.com'],
    ['From: =?UTF-8?Q?=C3=84nn?= <ann@example.com> (work)', 'ann@example.com'],
  ])('%j', (header, address) => expect(findFrom(header)).toBe(address))

  it.each([
    '',
    'Subject: none',
    'From: a@example.com\r\nFrom: b@example.com',
    'From: (") <b@example.com> (") <a@example.com>',
    'From: <a@example.com>(")<b@example.com>(")',
    'From: a@example.com (<b@example.com>)',
    'From: "<b@example.com>" <a@example.com>',
    'From: "b@example.com" <a@example.com>',
    'From: <a@example.com> x',
    'From: a@example.com, b@example.com',
    'From: b@example.com <a@example.com>',
    'From: <b@example.com> <a@example.com>',
    'From: Group: a@example.com;',
    'From: "b@example.com" b@example.org <a@example.com>',
    'From: <@route.example:a@example.com>',
    'From: a@b@example.com',
    'From: (b@example.com',
    'From:',
  ])('%j is not one address', header => expect(findFrom(header)).toBeUndefined())
})

describe('the check', () => {
  const verdictOf = (message: string, cut: number) => {
    const check = checkFromHeader(address => address === 'ann@example.com')
    const first = check.push(Buffer.from(message.slice(0, cut)))
    return first === 'hold' ? check.push(Buffer.from(message.slice(cut))) : first
  }

  it('decides when the header is complete, wherever it is cut', () => {
    for (const blank of ['\r\n\r\n']) {
      const good = `Subject: x\r\nFrom: ann@example.com${blank}From: evil@example.com\r\n`
      for (let cut = 0; cut <= good.length; cut += 1) expect(verdictOf(good, cut)).toBe('pass')
      const bad = `From: evil@example.com${blank}From: ann@example.com\r\n`
      for (let cut = 0; cut <= bad.length; cut += 1)
        expect(verdictOf(bad, cut)).toMatchObject({ refused: expect.stringMatching(/^550 5\.7\.1 .*evil@example\.com/) })
    }
  })

  it.each([
    'From: ann@example.com\r\nX: b\r\rc\r\nFrom: ceo@example.com\r\n\r\n',
    'Fr\0om: ceo@example.com\r\nFrom: ann@example.com\r\n\r\n',
    'From: ann@example.com\n\nFrom: ceo@example.com\r\n\r\n',
    'From: ann@example.com\nX: y\r\n\r\n',
  ])('refuses a header with more than one reading: %j', header => {
    expect(verdictOf(header, header.length)).toMatchObject({ refused: expect.stringMatching(/^554 5\.6\.0/) })
  })

  it('refuses a body without a header, a header without an end, and one that is too long', () => {
    expect(verdictOf('\r\nFrom: ann@example.com\r\n', 5)).toMatchObject({ refused: expect.stringMatching(/^550/) })
    expect(verdictOf('From: evil@example.com\r\n.\r\n', 7)).toMatchObject({ refused: expect.stringMatching(/^550/) })
    expect(checkFromHeader(() => true).push(Buffer.alloc(256 * 1024 + 1, 'x'))).toMatchObject({ refused: expect.stringMatching(/^554/) })
  })
})
