import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { makeTestTerminal } from '../terminal-fixture.ts'
import { makeContext } from './command-context.ts'
import { Interrupted } from './interrupted.ts'
import { readSecret } from './secret-prompt.ts'

const QUESTION = { what: 'Password', option: '--secret-stdin', fromStdin: true, isNew: false }

function fromStdin(input: string | Buffer) {
  return readSecret(makeContext(makeTestTerminal({ input }), {}), QUESTION).then(secret => secret.reveal().toString())
}

/** A terminal at which `keys` are typed, in chunks. */
function atPrompt(keys: readonly (string | Buffer)[], isNew: boolean) {
  const terminal = makeTestTerminal({ isTTY: true })
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (mode: boolean) => void modes.push(mode) })
  for (const key of keys) stdin.write(key)
  const secret = readSecret(makeContext({ ...terminal, stdin }, {}), { ...QUESTION, fromStdin: false, isNew })
  return { text: secret.then(one => one.reveal().toString()), modes, err: terminal.err }
}

describe('a secret from standard input', () => {
  it.each([
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    [' spaced out ', ' spaced out '],
    ['päßwörd\n', 'päßwörd'],
  ])('%j is %j', async (input, secret) => {
    expect(await fromStdin(input)).toBe(secret)
  })

  it.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['two line ends', 'hunter2\n\n'],
    ['two lines', 'hunter2\nhunter3\n'],
    ['a NUL', 'hun\0ter2'],
    ['Latin-1', Buffer.from([0x70, 0xe4, 0xdf])],
    ['a file piped in by mistake', 'x'.repeat(5000)],
  ])('%s is refused without repeating it', async (_, input) => {
    const failure = await fromStdin(input).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'BAD_INPUT' })
    expect(String(failure)).not.toContain('hunter')
  })

  it('4096 bytes and a line end are just right', async () => {
    expect((await fromStdin(`${'x'.repeat(4096)}\r\n`)).length).toBe(4096)
    await expect(fromStdin('x'.repeat(4097))).rejects.toMatchObject({ code: 'BAD_INPUT' })
  })
})

describe('a secret at the prompt', () => {
  it('is not shown, and the terminal gets its mode back', async () => {
    const { text, modes, err } = atPrompt(['hun', 'ter2\r'], false)
    expect(await text).toBe('hunter2')
    expect(modes).toEqual([true, false])
    expect(err()).toBe('Password: \n')
  })

  it('backspace takes a whole letter, Ctrl-U the line', async () => {
    expect(await atPrompt(['abc\u0015haß\u007fx', Buffer.from([0x08]), 'tch\n'], false).text).toBe('hatch')
  })

  it('a new one is asked for twice, also when both were pasted at once', async () => {
    expect(await atPrompt(['hunter2\nhunter2\n'], true).text).toBe('hunter2')
    await expect(atPrompt(['hunter2\r', 'hunter3\r'], true).text).rejects.toMatchObject({ code: 'BAD_INPUT', message: 'The two entries differ.' })
  })

  it('Ctrl-C and Ctrl-D end the command, with the terminal as it was', async () => {
    for (const key of ['hunt\u0003', '\u0004']) {
      const { text, modes } = atPrompt([key], false)
      await expect(text).rejects.toBeInstanceOf(Interrupted)
      expect(modes).toEqual([true, false])
    }
  })

  it('without a terminal the hint names the option', async () => {
    const context = makeContext(makeTestTerminal(), {})
    await expect(readSecret(context, { ...QUESTION, fromStdin: false })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      remedy: expect.stringContaining('--secret-stdin'),
    })
  })
})
