import { describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import type { LoginMemory } from '../login-tries.ts'
import { openScriptedUpstream, type Script } from '../scripted-upstream-fixture.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { connectSmtpUpstream } from './smtp-upstream.ts'

interface Options {
  readonly authzid?: string
  readonly isToken?: true
  readonly memory?: LoginMemory
}

async function logIn(script: Script, { authzid = '', isToken, memory }: Options = {}) {
  const { heard, dialler } = await openScriptedUpstream(script, 'none')
  const sent: string[] = []
  const login = {
    authzid,
    user: 'ann',
    secret: Secret.fromText('upstream-secret'),
    ...(isToken === undefined ? {} : { isToken }),
    onSent: () => sent.push('secret'),
  }
  const options = { hostname: 'gw.example.com', xclient: undefined, proxyHeader: undefined, signal: AbortSignal.timeout(60_000) }
  const outcome = await connectSmtpUpstream(dialler, login, { ...options, ...(memory === undefined ? {} : { memory }) }).then(
    upstream => {
      upstream.socket.destroy()
      return upstream
    },
    (error: unknown) => {
      if (!(error instanceof UpstreamFailure)) throw error
      return error
    },
  )
  // Whoever counts guesses relies on it.
  expect(sent.length > 0).toBe(heard.some(line => reveals(line, 'upstream-secret')))
  return { heard, outcome, forms: heard.flatMap(formOf) }
}

/** Whether a line has the secret in it, plain or in base64. */
function reveals(line: string, secret: string): boolean {
  return line.split(' ').some(word => word.includes(secret) || Buffer.from(word, 'base64').toString().includes(secret))
}

function formOf(line: string): string[] {
  const found = /^AUTH ([A-Z]+)( .*)?$/.exec(line)
  return found === null ? [] : [found[2] === undefined ? (found[1] as string) : `${found[1]} with initial response`]
}

/** Takes one form only and answers the others in its way. */
const takingOnly =
  (taken: string, answer: string, more: { mechanisms?: string; leaves?: boolean } = {}): Script =>
  (say, socket) => {
    say('220 mail ESMTP\r\n')
    let left: number | undefined
    return line => {
      if (line.startsWith('EHLO')) return say(`250-mail\r\n250-SIZE 1000\r\n250 AUTH ${more.mechanisms ?? 'PLAIN LOGIN'}\r\n`)
      const [form] = formOf(line)
      if (form !== undefined && form !== taken) {
        say(`${answer}\r\n`)
        if (more.leaves === true) socket.end('421 go and come back\r\n')
        return
      }
      left = form === undefined ? (left ?? 0) - 1 : ({ PLAIN: 1, LOGIN: 2 }[form] ?? 0)
      say(left > 0 ? '334 \r\n' : left === 0 ? '235 2.7.0 in\r\n' : '500 what?\r\n')
    }
  }

const LADDER = ['PLAIN with initial response', 'PLAIN', 'LOGIN']

describe('forms of login at a submission server', () => {
  for (const answer of [
    '501 5.5.4 Syntax: AUTH mechanism',
    '504 5.7.4 Unrecognized authentication type',
    '535 5.7.8 Error: no mechanism available',
    '554 nobody knows',
  ])
    for (const leaves of [false, true])
      it.each(LADDER)(`${leaves ? 'over fresh connections, ' : ''}when all but one are answered with ${answer}: %s`, async taken => {
        const { outcome, forms } = await logIn(takingOnly(taken, answer, { leaves }))
        expect(outcome).toMatchObject({
          keywords: new Map([
            ['SIZE', '1000'],
            ['AUTH', 'PLAIN LOGIN'],
          ]),
        })
        expect([...new Set(forms)]).toEqual(LADDER.slice(0, LADDER.indexOf(taken) + 1))
        expect(forms.length).toBeLessThan(2 * LADDER.length)
      })

  it('begins the next time with the one that worked', async () => {
    const memory: LoginMemory = { worked: undefined }
    const script = takingOnly('LOGIN', '504 no')
    expect((await logIn(script, { memory })).forms).toEqual(LADDER)
    expect((await logIn(script, { memory })).forms).toEqual(['LOGIN'])
  })

  it.each([
    ['535 5.7.8 Error: authentication failed: (reason unavailable)', 'refused-us'],
    ['534 5.7.9 Application-specific password required', 'refused-us'],
    ['454 4.7.0 Temporary authentication failure', 'says-unavailable'],
    ['535 5.7.8 Error: authentication failed: generic failure', 'says-unavailable'],
    ['421 4.7.0 too many', 'says-unavailable'],
    // The last line of a reply is what it says.
    ['454-4.7.0 not\r\n535 5.7.8 you', 'refused-us'],
  ])('tries no other form after a clear word: %s', async (answer, reason) => {
    const { outcome, forms } = await logIn(takingOnly('LOGIN', answer))
    expect(outcome).toMatchObject({ reason })
    expect(forms).toEqual(['PLAIN with initial response'])
  })

  it('never logs in without the authzid, nor with a token as a password', async () => {
    const master = await logIn(takingOnly('LOGIN', '504 no'), { authzid: 'bob@example.com' })
    expect(master).toMatchObject({ outcome: { reason: 'refused-us', detail: '504 no' }, forms: ['PLAIN with initial response', 'PLAIN'] })
    expect(await logIn(takingOnly('PLAIN', '504 no'), { isToken: true })).toMatchObject({ outcome: { reason: 'no-mechanism' }, forms: [] })
  })

  it('answers the error of a refused token, and ends challenges that do not', async () => {
    const { heard, outcome } = await logIn(
      say => {
        say('220 mail\r\n')
        return line =>
          say(
            line.startsWith('EHLO')
              ? '250-mail\r\n250 AUTH XOAUTH2\r\n'
              : line.startsWith('AUTH')
                ? `334 ${Buffer.from('{"status":"400"}').toString('base64')}\r\n`
                : '535 5.7.8 no\r\n',
          )
      },
      { isToken: true },
    )
    expect(heard.at(-1)).toBe('')
    expect(outcome).toMatchObject({ reason: 'refused-us', detail: '535 5.7.8 no ({"status":"400"})' })
    const endless = await logIn(say => {
      say('220 mail\r\n')
      return line => say(line.startsWith('EHLO') ? '250-mail\r\n250 AUTH PLAIN\r\n' : '334 \r\n')
    })
    expect(endless.outcome).toMatchObject({ reason: 'not-the-protocol' })
  })

  it('says what was said when the connection ends in the middle of it', async () => {
    const { outcome } = await logIn((say, socket) => {
      say('220 mail\r\n')
      return () => socket.end('421 4.7.0 too many connections from')
    })
    expect(outcome).toMatchObject({ reason: 'says-unavailable', detail: expect.stringContaining('too many connections from') })
  })
})
