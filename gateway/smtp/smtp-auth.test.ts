/** Clients that do not wait for the questions of AUTH. */
import { describe, expect, it } from 'vitest'
import { b64, EHLO, openSession, PLAIN, SECRET } from './smtp-session-fixture.ts'

const NAME = b64('ann@example.com')
const DIALOGUES = [
  ['LOGIN, name and password', `AUTH LOGIN\r\n${NAME}\r\n${b64(SECRET)}\r\n`],
  ['LOGIN with the name, password', `AUTH LOGIN ${NAME}\r\n${b64(SECRET)}\r\n`],
  ['PLAIN, response', `AUTH PLAIN\r\n${PLAIN}\r\n`],
  ['PLAIN with its response', `AUTH PLAIN ${PLAIN}\r\n`],
] as const

/** What is said to `text`, written in two pieces. */
async function sayTo(text: string, cut: number, until: string): Promise<{ said: string; events: string[] }> {
  const { client, says, said, done, lines } = await openSession()
  client.write(EHLO)
  await says('250 ')
  const before = said().length
  client.write(text.slice(0, cut))
  // The pieces arrive one after the other.
  await new Promise(setImmediate)
  client.write(text.slice(cut))
  await says(until)
  client.destroy()
  await done
  return { said: said().slice(before), events: lines.map(({ event }) => event) }
}

const everyCut = (text: string) => Array.from({ length: text.length }, (_, cut) => cut)

describe('AUTH in one write with all that belongs to it', () => {
  it.each(DIALOGUES)('%s: logs in at every split', async (_, text) => {
    for (const { said } of await Promise.all(everyCut(text).map(cut => sayTo(text, cut, '235 '))))
      expect(said).toMatch(/^(?:334 [A-Za-z0-9+/:]*\r\n)*235 2\.7\.0 [^\r]*\r\n$/)
  })

  it.each(DIALOGUES)('%s: what follows it ends the connection at every split', async (_, text) => {
    const more = `${text}MAIL FROM:<ann@example.com>\r\n`
    // At the last splits MAIL comes behind the reply, perhaps: those belong to the relay.
    for (const { said } of await Promise.all(
      everyCut(text)
        .slice(0, -1)
        .map(cut => sayTo(more, cut, '421 ')),
    )) {
      expect(said).toMatch(/421 4\.7\.0 Nothing may follow AUTH[^\r]*\r\n$/)
      expect(said).not.toContain('235 ')
    }
  })

  it('a refused login and then a good one, each in one write', async () => {
    const { client, says, said } = await openSession()
    client.write(EHLO)
    await says('250 ')
    client.write(`AUTH LOGIN\r\n${NAME}\r\n${b64('wrong')}\r\n`)
    await says('535 5.7.8')
    client.write(`AUTH LOGIN\r\n${NAME}\r\n${b64(SECRET)}\r\n`)
    await says('235 ')
    expect(said()).toMatch(/(?:334 [^\r]*\r\n){2}535 [^\r]*\r\n(?:334 [^\r]*\r\n){2}235 /)
  })

  it('goes on with commands behind a response that cannot be read, and behind AUTH that needs EHLO first', async () => {
    const { client, says, said } = await openSession()
    client.write(`AUTH PLAIN\r\n${EHLO}AUTH LOGIN\r\n***\r\nNOOP\r\n`)
    await says('501 5.5.2')
    await says('250 OK')
    expect(said()).toMatch(/503 5\.5\.1 [\s\S]*334 [^\r]*\r\n501 5\.5\.2 [^\r]*\r\n250 OK/)
  })
})

describe('EHLO and HELO with a name that is none', () => {
  it.each(['EHLO PhpStorm 2017.2', "EHLO Anna's iMac", 'EHLO\ta\tb', 'HELO a b', 'EHLO [x y]', 'EHLO \u00e4\u00f6', ' EHLO  x ', 'EHLO a\u0001'])(
    '%j: a login is possible',
    async greeting => {
      const { client, says } = await openSession()
      client.write(Buffer.from(`${greeting}\r\n`, 'latin1'))
      await says('250 ')
      client.write(`AUTH PLAIN ${PLAIN}\r\n`)
      await says('235 ')
    },
  )
})
