import { describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import type { LoginMemory } from '../login-tries.ts'
import { openScriptedUpstream, type Script } from '../scripted-upstream-fixture.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { connectImapUpstream } from './imap-upstream.ts'

interface Options {
  readonly authzid?: string
  readonly secret?: string
  readonly isToken?: true
  readonly memory?: LoginMemory
}

async function logIn(script: Script, { authzid = '', secret = 'upstream-secret', isToken, memory }: Options = {}) {
  const { heard, dialler } = await openScriptedUpstream(script, 'none')
  const sent: string[] = []
  const login = { authzid, user: 'ann', secret: Secret.fromText(secret), ...(isToken === undefined ? {} : { isToken }), onSent: () => sent.push('secret') }
  const options = { allowUnauthenticate: false, idClient: undefined, proxyHeader: undefined, signal: AbortSignal.timeout(60_000) }
  const outcome = await connectImapUpstream(dialler, login, { ...options, ...(memory === undefined ? {} : { memory }) }).then(
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
  expect(sent.length > 0).toBe(heard.some(line => reveals(line, secret)))
  return { heard, outcome, forms: heard.flatMap(formOf) }
}

const ALL = 'IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN'

/** Whether a line has the secret in it, plain or in base64. */
function reveals(line: string, secret: string): boolean {
  return (
    line.replace(/\\(.)/g, '$1').includes(secret) ||
    line.split(' ').some(word => word.includes(secret) || Buffer.from(word, 'base64').toString().includes(secret))
  )
}

function formOf(line: string): string[] {
  const found = /^[0-9a-f-]{18} (AUTHENTICATE|LOGIN) (.*)$/.exec(line)
  if (found === null) return []
  const [, verb, rest = ''] = found
  if (verb === 'AUTHENTICATE') return [rest.includes(' ') ? 'PLAIN with initial response' : rest]
  return [rest.startsWith('"') ? 'LOGIN quoted' : 'LOGIN literals']
}

/** Takes one form only and answers the others in its way; `asks`: the forms that it lets begin. */
const takingOnly =
  (taken: string, answer: string, more: { capabilities?: string; leaves?: boolean } = {}): Script =>
  (say, socket) => {
    say(`* OK [CAPABILITY ${more.capabilities ?? ALL}] ready\r\n`)
    let tag = ''
    let left: number | undefined
    return line => {
      const [form] = formOf(line)
      if (form !== undefined) {
        tag = line.split(' ')[0] as string
        left = form === taken ? { PLAIN: 1, LOGIN: 2, 'LOGIN literals': 2 }[form] : undefined
        if (form !== taken) {
          say(`${tag} ${answer}\r\n`)
          if (more.leaves === true) socket.end('* BYE go and come back\r\n')
          return
        }
        return say(left === undefined ? `${tag} OK [CAPABILITY IMAP4rev1] in\r\n` : '+ \r\n')
      }
      if (left === undefined) return say(`${line.split(' ')[0]} BAD what?\r\n`)
      left -= 1
      say(left === 0 ? `${tag} OK [CAPABILITY IMAP4rev1] in\r\n` : '+ \r\n')
    }
  }

const LADDER = ['PLAIN with initial response', 'PLAIN', 'LOGIN', 'LOGIN quoted', 'LOGIN literals']

describe('forms of login at an IMAP server', () => {
  for (const answer of ['BAD Request not ending with \\r\\n', 'NO Unsupported authentication mechanism.', 'NO never heard of it'])
    for (const leaves of [false, true])
      it.each(LADDER)(`${leaves ? 'over fresh connections, ' : ''}when all but one are answered with ${answer}: %s`, async taken => {
        const { outcome, forms } = await logIn(takingOnly(taken, answer, { leaves }))
        expect(outcome).toMatchObject({ capabilities: 'IMAP4rev1' })
        // A server that leaves hears some of them twice: the second time on a fresh connection.
        expect([...new Set(forms)]).toEqual(LADDER.slice(0, LADDER.indexOf(taken) + 1))
        expect(forms.length).toBeLessThan(2 * LADDER.length)
      })

  it('begins the next time with the one that worked', async () => {
    const memory: LoginMemory = { worked: undefined }
    const script = takingOnly('LOGIN quoted', 'BAD no')
    expect((await logIn(script, { memory })).forms).toHaveLength(4)
    expect((await logIn(script, { memory })).forms).toEqual(['LOGIN quoted'])
    // The server was replaced by another one.
    expect((await logIn(takingOnly('PLAIN', 'BAD no'), { memory })).forms).toEqual(['LOGIN quoted', 'PLAIN with initial response', 'PLAIN'])
    expect(memory.worked).toBe('PLAIN')
  })

  it('tries one form only where others got in by it, and the server says no in words that nobody knows', async () => {
    const memory: LoginMemory = { worked: 'PLAIN with initial response' }
    const { outcome, forms } = await logIn(takingOnly('none', 'NO computer says no'), { memory })
    expect(outcome).toMatchObject({ reason: 'refused-us', detail: 'NO computer says no' })
    expect(forms).toEqual(['PLAIN with initial response'])
  })

  it.each([
    ['NO [AUTHENTICATIONFAILED] no', 'refused-us'],
    ['NO Invalid user name or password.', 'refused-us'],
    ['NO LOGIN failed.', 'refused-us'],
    ['NO [UNAVAILABLE] later', 'says-unavailable'],
    ['NO Server Unavailable. 15', 'says-unavailable'],
    ['BAD Request is throttled. Suggested Backoff Time: 4530 milliseconds', 'says-unavailable'],
  ])('tries no other form after a clear word: %s', async (answer, reason) => {
    const { outcome, forms } = await logIn(takingOnly('LOGIN quoted', answer))
    expect(outcome).toMatchObject({ reason, detail: answer })
    expect(forms).toEqual(['PLAIN with initial response'])
  })

  it('takes a refusal before the secret has left for one of the form, whatever it says', async () => {
    const { outcome, forms } = await logIn(takingOnly('LOGIN quoted', 'NO AUTHENTICATE failed.', { capabilities: 'IMAP4rev1 AUTH=PLAIN' }))
    expect(outcome).toMatchObject({ capabilities: 'IMAP4rev1' })
    expect(forms).toEqual(['PLAIN', 'LOGIN quoted'])
  })

  it('tells the words of the login, not those of a form, when all are refused', async () => {
    let count = 0
    const { outcome } = await logIn(say => {
      say(`* OK [CAPABILITY ${ALL}] ready\r\n`)
      return line => say(`${line.split(' ')[0]} ${count++ === 2 ? 'NO not you' : 'BAD what?'}\r\n`)
    })
    expect(outcome).toMatchObject({ reason: 'refused-us', detail: 'NO not you' })
  })

  it('never logs in without the authzid', async () => {
    const { outcome, forms } = await logIn(takingOnly('LOGIN quoted', 'BAD no'), { authzid: 'bob@example.com' })
    expect(outcome).toMatchObject({ reason: 'refused-us' })
    expect(forms).toEqual(['PLAIN with initial response', 'PLAIN'])
  })

  it('does not use LOGIN where it is disabled, and prefers literals for what needs a backslash', async () => {
    const off = await logIn(takingOnly('none', 'BAD no', { capabilities: 'IMAP4rev1 AUTH=PLAIN LOGINDISABLED' }))
    expect(off.forms).toEqual(['PLAIN'])
    const quotes = await logIn(takingOnly('none', 'BAD no', { capabilities: 'IMAP4rev1' }), { secret: 'a"b\\c' })
    expect(quotes.forms).toEqual(['LOGIN literals', 'LOGIN quoted'])
    expect(quotes.heard.at(-1)).toMatch(/ LOGIN "ann" "a\\"b\\\\c"$/)
    expect((await logIn(takingOnly('none', 'BAD no', { capabilities: 'IMAP4rev1' }), { secret: 'pässword' })).forms).toEqual(['LOGIN literals'])
  })
})

describe('an untagged answer to the login', () => {
  const saying =
    (text: string): Script =>
    say => {
      say(`* OK [CAPABILITY ${ALL}] ready\r\n`)
      return line => say(text.replace('TAG', line.split(' ')[0] as string))
    }

  it.each([
    ['* NO [AUTHENTICATIONFAILED] not you\r\n', 'refused-us', 'NO [AUTHENTICATIONFAILED] not you'],
    ['* NO [UNAVAILABLE] not now\r\n', 'says-unavailable', 'NO [UNAVAILABLE] not now'],
    ['* BYE Temporary problem\r\n', 'says-unavailable', 'BYE Temporary problem'],
    ['* BYE whatever\r\n', 'says-unavailable', 'BYE whatever'],
    ['* BYE Authentication failed\r\n', 'refused-us', 'BYE Authentication failed'],
    ['* BYE going\r\nTAG NO [AUTHENTICATIONFAILED] not you\r\n', 'refused-us', 'NO [AUTHENTICATIONFAILED] not you'],
    ['* BAD internal server error\r\n', 'says-unavailable', 'BAD internal server error'],
  ])('%j ends the wait at once', async (text, reason, detail) => {
    expect((await logIn(saying(text))).outcome).toMatchObject({ reason, detail })
  })

  it('is a warning when it is nothing of the login', async () => {
    for (const warning of ['* NO [ALERT] your mailbox is nearly full', '* NO login failed three times since you were here'])
      expect((await logIn(saying(`${warning}\r\nTAG OK [CAPABILITY IMAP4rev1] in\r\n`))).outcome).toMatchObject({ capabilities: 'IMAP4rev1' })
  })

  it('is told also when the connection ends in the middle of it', async () => {
    const { outcome } = await logIn((say, socket) => {
      say(`* OK [CAPABILITY ${ALL}] ready\r\n`)
      return () => socket.end('* BYE Too many connections from your')
    })
    expect(outcome).toMatchObject({ reason: 'says-unavailable', detail: expect.stringContaining('Too many connections from your') })
  })
})

describe('what is optional never fails a login', () => {
  const afterLogin =
    (ok: string, answers: Readonly<Record<string, string>>): Script =>
    say => {
      say(`* OK [CAPABILITY ${ALL} ID] ready\r\n`)
      return line => {
        const [tag = '', verb = ''] = line.split(' ')
        say((answers[verb] ?? `TAG ${ok}\r\n`).replaceAll('TAG', tag))
      }
    }

  it.each([
    ['OK [CAPABILITY IMAP4rev1 (odd) "er" IDLE] in', {}, 'IMAP4rev1 IDLE'],
    ['OK [CAPABILITY 4rev1 IMAP4rev1] in', {}, '4rev1 IMAP4rev1'],
    ['OK in', { CAPABILITY: 'TAG BAD not now\r\n' }, 'IMAP4rev1'],
    ['OK in', { CAPABILITY: 'TAG NO never\r\n' }, 'IMAP4rev1'],
    ['OK in', { CAPABILITY: '* BAD what?\r\n' }, 'IMAP4rev1'],
    ['OK in', { CAPABILITY: '* CAPABILITY %%\r\nTAG OK done\r\n' }, 'IMAP4rev1'],
    ['OK [CAPABILITY IMAP4rev1 ID] in', { ID: 'TAG BAD what?\r\n' }, 'IMAP4rev1 ID'],
    ['OK [CAPABILITY IMAP4rev1 ID] in', { ID: 'TAG NO not from you\r\n' }, 'IMAP4rev1 ID'],
    ['OK [CAPABILITY IMAP4rev1 ID] in', { ID: '* ID ("name" {7}\r\nDovecot "x" {3}\r\n)\r\n)\r\nTAG OK done\r\n' }, 'IMAP4rev1 ID'],
  ])('%s %j', async (ok, answers, capabilities) => {
    const { outcome } = await logIn(afterLogin(ok, answers))
    expect(outcome).toMatchObject({ capabilities, unread: Buffer.alloc(0) })
  })

  it('an answer to ID that does not end fails it all the same', async () => {
    const { outcome } = await logIn(afterLogin('OK [CAPABILITY IMAP4rev1 ID] in', { ID: '* ID {999999999}\r\n' }))
    expect(outcome).toMatchObject({ reason: 'not-the-protocol' })
  })

  it('says who we are after the login, without a word of the app, and only where ID is offered', async () => {
    const offered = await logIn(afterLogin('OK [CAPABILITY IMAP4rev1 ID] in', {}))
    expect(offered.heard.at(-1)).toMatch(/^[0-9a-f-]{18} ID \("name" "Mailwicket" "version" "[0-9][0-9A-Za-z.-]*"\)$/)
    const not = await logIn(afterLogin('OK [CAPABILITY IMAP4rev1 IDLE] in', {}))
    expect(not.heard).toHaveLength(1)
  })
})

describe('a login by token', () => {
  const challenging =
    (mechanism: string): Script =>
    say => {
      say(`* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=${mechanism}] ready\r\n`)
      let tag = ''
      return line => {
        if (line.includes('AUTHENTICATE')) {
          tag = line.split(' ')[0] as string
          say(`+ ${Buffer.from('{"status":"invalid_token"}').toString('base64')}\r\n`)
        } else say(`${tag} NO [AUTHENTICATIONFAILED] refused\r\n`)
      }
    }

  it.each([
    ['OAUTHBEARER', /^n,a=ann,;host=127\.0\.0\.1;port=\d+;auth=Bearer ya29-token;;$/, Buffer.from('\x01').toString('base64')],
    ['XOAUTH2', /^user=ann;auth=Bearer ya29-token;;$/, ''],
  ])('%s: its message, the answer to the error, and the error in the log', async (mechanism, message, answer) => {
    const { heard, outcome } = await logIn(challenging(mechanism), { secret: 'ya29-token', isToken: true })
    expect(
      Buffer.from(heard[0]?.split(' ')[3] ?? '', 'base64')
        .toString()
        .replaceAll('\x01', ';'),
    ).toMatch(message)
    expect(heard[1]).toBe(answer)
    expect(outcome).toMatchObject({ reason: 'refused-us', detail: 'NO [AUTHENTICATIONFAILED] refused ({"status":"invalid_token"})' })
  })

  it('never sends a token as a password', async () => {
    const { outcome, forms } = await logIn(takingOnly('PLAIN', 'BAD no'), { isToken: true })
    expect(outcome).toMatchObject({ reason: 'no-mechanism' })
    expect(forms).toEqual([])
  })
})
