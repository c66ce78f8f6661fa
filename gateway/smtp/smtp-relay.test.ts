import { describe, expect, it } from 'vitest'
import { BODY, MESSAGE, obliging, openRelay } from './smtp-relay-fixture.ts'

describe('relaying', () => {
  it('keeps a pipelined group in order at every cut, and the message untouched', async () => {
    const sent = `${MESSAGE}${BODY}NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\nHELO again\r\nQUIT\r\n`
    const relayCutAt = async (cut: number) => {
      const { client, ended, said, heard, says, accepted } = openRelay()
      client.write(Buffer.from(sent.slice(0, cut), 'latin1'))
      client.write(Buffer.from(sent.slice(cut), 'latin1'))
      expect((await ended).message).toBe('quit')
      await says('221 bye')
      // HELO begins anew like EHLO: the upstream has greeted us already.
      expect(heard()).toBe(sent.replace('HELO again', 'RSET'))
      const replies = said()
        .split('\r\n')
        .map(line => line.slice(0, 12))
      expect(replies).toEqual([
        '250 ok MAIL ',
        '250 ok RCPT ',
        '354 go ahead',
        '250 2.0.0 qu',
        '250 ok NOOP',
        '250 ok RSET',
        '250 ok VRFY ',
        '250 ok HELP',
        '250 us',
        '221 bye',
        '',
      ])
      expect(accepted).toEqual([
        { sender: 'ann@example.com', recipients: ['bob@example.com'], recipientCount: 1, bytes: BODY.length, reply: '2.0.0 queued as 1' },
      ])
    }
    await Promise.all(Array.from({ length: sent.length + 1 }, (_, cut) => relayCutAt(cut)))
  })

  it('relays five hundred pipelined transactions', async () => {
    const { client, ended, accepted } = openRelay()
    client.write(Buffer.from(`${`${MESSAGE}${BODY}`.repeat(500)}QUIT\r\n`, 'latin1'))
    await ended
    expect(accepted).toHaveLength(500)
  })

  it('gives every line and octet of a refusal on, and commands go on after a DATA that was not wanted', async () => {
    const { client, says, accepted } = openRelay((line, say) =>
      line === 'DATA' ? say('554-5.5.1 none of\r\n554 5.5.1 them w\u00e4s valid\r\n') : obliging(line, say),
    )
    client.write(`${MESSAGE}NOOP\r\n`)
    await says('554-5.5.1 none of\r\n554 5.5.1 them w\u00e4s valid\r\n250 ok NOOP')
    expect(accepted).toEqual([])
  })

  it('never says 250 before the upstream has', async () => {
    let release = () => {}
    const { client, hears, says, said } = openRelay((line, say) => {
      if (line === '.') release = () => say('452 4.3.1 disk full\r\n')
      else obliging(line, say)
    })
    client.write(Buffer.from(`${MESSAGE}${BODY}NOOP\r\n`, 'latin1'))
    await hears('\r\n.\r\n')
    expect(said()).not.toMatch(/250 (2\.0|ok NOOP)/)
    release()
    await says('452 4.3.1 disk full\r\n250 ok NOOP')
  })

  it('answers a later EHLO itself and resets the upstream', async () => {
    const { client, heard, says } = openRelay()
    client.write('MAIL FROM:<ann@example.com>\r\nEHLO again\r\nNOOP\r\n')
    await says('250 ok MAIL FROM:<ann@example.com>\r\n250-our list\r\n250 SIZE\r\n250 ok NOOP')
    expect(heard()).toBe('MAIL FROM:<ann@example.com>\r\nRSET\r\nNOOP\r\n')
  })

  it('takes AUTH= off MAIL and leaves every other parameter', async () => {
    const { client, heard, says } = openRelay()
    client.write(
      'MAIL FROM:<ann@example.com> SIZE=5 AUTH=<root@example.com> BODY=8BITMIME RET=HDRS auth=x ENVID=a+3D SMTPUTF8\r\nRCPT TO:<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;x+2By@example.com\r\n',
    )
    await says('250 ok RCPT')
    expect(heard()).toBe(
      'MAIL FROM:<ann@example.com> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=a+3D SMTPUTF8\r\nRCPT TO:<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;x+2By@example.com\r\n',
    )
  })

  it.each([
    'MAIL FROM:<a@b> XVERP',
    'MAIL FROM:<a@b> MT-PRIORITY=9',
    'MAIL FROM:<a@b> BODY=BINARYMIME',
    'MAIL FROM:<a@b> AUTH',
    'RCPT TO:<a@b> XRCPTFORWARD=x',
    'RCPT TO:<a@b> SIZE=1',
  ])('answers 555 to a parameter that is not offered: %s', async line => {
    const { client, heard, says, said } = openRelay()
    client.write(`${line}\r\nNOOP\r\n`)
    await says('250 ok NOOP')
    if (!line.endsWith(' AUTH')) expect(said()).toMatch(/^555 5\.5\.4 /)
    expect(heard()).not.toMatch(/XVERP|PRIORITY|BINARY|AUTH|XRCPT|SIZE/)
  })

  it.each([
    'XCLIENT ADDR=1.2.3.4',
    'XFORWARD NAME=x',
    'BDAT 5 LAST',
    'ETRN example.com',
    'BURL x',
    'TURN',
    'EXPN list',
    'SEND FROM:<a@b>',
    'X',
    '',
    '__proto__',
  ])('never passes on %j', async line => {
    const { client, heard, says } = openRelay()
    client.write(`${line}\r\nNOOP\r\n`)
    await says('250 ok NOOP')
    expect(heard()).toBe('NOOP\r\n')
  })

  it.each([
    'NOOP\0\n',
    'NOOP\r\r\n',
    'NO\0OP\r\n',
    'NOOP\rRSET\r\n',
    'MAIL FROM:<@route:ann@example.com,bob@example.com>\r\n',
    'MAIL FROM:<ann@example.com',
    'RCPT TO:<a@b><c@d>\r\n',
    'MAIL FROM:<a b@example.com>\r\n',
  ])('refuses %j', async text => {
    const { client, heard, says, said } = openRelay()
    client.write(`${text}\r\nNOOP\r\n`)
    await says('250 ok NOOP')
    expect(said()).toMatch(/^50[012] /)
    expect(heard()).not.toMatch(/MAIL|\0|\r[^\n]|<c@d>/)
  })

  it.each(['noop\r\n', ' NOOP\r\n', '\tNOOP \t\r\n', 'NOOP\n'])('gives %j on as NOOP', async text => {
    const { client, heard, says } = openRelay()
    client.write(text)
    await says('250 ok NOOP')
    expect(heard()).toBe('NOOP\r\n')
  })

  it('answers 503 to a second AUTH or STARTTLS, in its place', async () => {
    const { client, says, heard } = openRelay()
    client.write('NOOP\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS\r\nNOOP\r\n')
    await says('250 ok NOOP\r\n503 5.5.1 Already authenticated\r\n503 5.5.1 Already authenticated\r\n250 ok NOOP')
    expect(heard()).toBe('NOOP\r\nNOOP\r\n')
  })

  it('sends to the one good recipient among fifty that cannot be read, and ends no session for them', async () => {
    const { client, ended, accepted, refused, said } = openRelay()
    const odd = Array.from({ length: 50 }, (_, i) => `RCPT TO:<odd ${i}@example.com>\r\n`).join('')
    const options = 'RCPT TO:<bob@example.com> XODD=1\r\n'.repeat(15)
    client.write(`MAIL FROM:<ann@example.com>\r\n${odd}${options}RCPT TO:<good@example.com>\r\nDATA\r\n${BODY}QUIT\r\n`)
    expect((await ended).message).toBe('quit')
    expect(accepted).toMatchObject([{ recipients: ['good@example.com'] }])
    expect(said().match(/^501 5\.1\.3 /gm)).toHaveLength(50)
    // Whoever looks for a lost recipient finds it in the log.
    expect(refused).toHaveLength(65)
    expect(refused[0]).toBe('recipient <odd 0@example.com>')
  })

  it('writes each envelope anew in one form, wherever the bytes are cut', async () => {
    const sent = 'MAIL  FROM:  < a..b@docomo.example >\tSIZE=5\r\n RCPT TO:\troot \tNOTIFY=NEVER \r\nNOOP\r\n'
    const relayCutAt = async (cut: number) => {
      const { client, heard, says } = openRelay()
      client.write(sent.slice(0, cut))
      client.write(sent.slice(cut))
      await says('250 ok NOOP')
      expect(heard()).toBe('MAIL FROM:<a..b@docomo.example> SIZE=5\r\nRCPT TO:<root> NOTIFY=NEVER\r\nNOOP\r\n')
    }
    await Promise.all(Array.from({ length: sent.length + 1 }, (_, cut) => relayCutAt(cut)))
  })

  it('ends after ten malformed commands and after an endless line', async () => {
    const first = openRelay()
    first.client.write('WHAT\r\n'.repeat(12))
    expect(await first.ended).toMatchObject({ message: 'malformed', lastReply: expect.stringMatching(/^421 /) })
    const second = openRelay()
    second.client.write('x'.repeat(9000))
    expect(await second.ended).toMatchObject({ message: 'too-long', lastReply: expect.stringMatching(/^500 5\.5\.6 .*\r\n421 /) })
  })
})
