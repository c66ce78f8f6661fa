import { describe, expect, it } from 'vitest'
import type { Command } from './frame/command-frame.ts'
import { buildProgram } from './program.ts'
import { makeTestTerminal, runHere } from './terminal-fixture.ts'

/** Every command with the words that lead to it. */
async function listCommands(): Promise<{ path: string[]; command: Command }[]> {
  const program = await buildProgram(['completion'], makeTestTerminal(), '0.0.0-test')
  const found: { path: string[]; command: Command }[] = []
  const visit = (command: Command, path: string[]) => {
    found.push({ path, command })
    for (const one of command.commands) if (one.name() !== 'help') visit(one, [...path, one.name()])
  }
  visit(program, [])
  return found
}

const COMMANDS = await listCommands()

describe('help', () => {
  it.each(COMMANDS.filter(({ path }) => path.length > 0).map(({ path }) => [path.join(' '), path] as const))('of `%s` has an example', async (_, path) => {
    const { code, out, err } = await runHere([...path, '--help'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^Usage: mailwicket /)
    expect(out).toContain(`Examples:\n  # `)
    expect(out).toContain(`\n  mailwicket ${path.join(' ')}`)
  })

  it('examples use commands and options that there are', async () => {
    for (const { path } of COMMANDS.filter(one => one.path.length > 0)) {
      const { out } = await runHere([...path, '--help'])
      for (const [, line = ''] of out.matchAll(/^ {2}mailwicket (.*)$/gm)) {
        const words = line.split(/ (?:&&|<|>) /)[0]?.split(' ') ?? []
        const named = COMMANDS.filter(one =>
          one.path.every((word, at) => words.filter(other => !other.startsWith('-') && !other.endsWith('.toml'))[at] === word),
        ).at(-1)
        const known = [...(named?.command.options ?? []), ...(COMMANDS[0]?.command.options ?? [])].map(option => option.long)
        for (const word of words.filter(one => one.startsWith('--'))) expect(known, line).toContain(word)
      }
    }
  })

  it('`help device add` is that of `device add`', async () => {
    expect((await runHere(['help', 'device', 'add'])).out).toMatch(/^Usage: mailwicket device add /)
    expect((await runHere(['help', 'device'])).out).toMatch(/^Usage: mailwicket device /)
  })

  it('lists the commands of the design', async () => {
    const { out } = await runHere(['--help'])
    for (const name of 'init serve demo check mailbox device user session activity audit backup restore key migrate completion'.split(' '))
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
  })

  it('no option takes a secret as its value', () => {
    const values = COMMANDS.flatMap(({ command }) => command.options.filter(option => option.required || option.optional).map(option => option.long))
    // Its value is a date.
    const harmless = ['--legacy-password-until']
    expect(values.filter(name => !harmless.includes(name ?? '') && /secret|password|key/.test(name ?? ''))).toEqual([])
  })
})

describe('wrong usage', () => {
  it.each([
    [['devce'], "Unknown command 'devce'. Did you mean device?"],
    [['device', 'lst'], "Unknown command 'lst'. Did you mean list?"],
    [['device', 'list', '--unused-fr', '9d'], "Unknown option '--unused-fr'. Did you mean --unused-for?"],
    [['device', 'add', 'a@example.com'], "Missing required argument 'name'."],
    [['device', 'add', 'a@example.com', 'phone', '--scope'], "Option '--scope <scopes>' argument missing."],
    [['completion', 'tcsh'], "Command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish."],
  ])('%j', async (args, message) => {
    const text = await runHere(args)
    expect(text).toMatchObject({ code: 2, out: '' })
    expect(text.err).toMatch(/^mailwicket: /)
    expect(text.err).toContain(message)
    expect(text.err).toContain('Usage: mailwicket ')
    for (const placed of [
      ['--json', ...args],
      [...args, '--json'],
    ]) {
      // An option whose value is missing would take --json as the value.
      if (placed.at(-2) === '--scope') continue
      const json = await runHere(placed)
      expect(json).toMatchObject({ code: 2, out: '' })
      expect(JSON.parse(json.err)).toEqual({ error: { code: 'BAD_INPUT', message, remedy: expect.stringContaining('Usage: mailwicket ') } })
    }
  })

  it('a secret that was given as an argument is not repeated', async () => {
    const { code, err } = await runHere(['mailbox', 'add', 'anna@example.com', 'hunter2marker'])
    expect(code).toBe(2)
    expect(err).not.toContain('hunter2marker')
    expect(err).toContain('--…-stdin')
  })

  it('a group without a command prints its help', async () => {
    expect(await runHere(['device'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Commands:') })
    expect(JSON.parse((await runHere(['device', '--json'])).err)).toMatchObject({ error: { code: 'BAD_INPUT' } })
  })

  it('no configuration is exit 2 and says what to do', async () => {
    const { code, err } = await runHere(['device', 'list', '--json', '--config', '/nonexistent/mailwicket.toml'])
    expect(code).toBe(2)
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'CONFIG_NOT_FOUND', remedy: expect.stringContaining('mailwicket init') } })
  })
})

describe('the demo', () => {
  it.each([
    ['--config is given', ['--config', '/x.toml'], {}],
    ['$MAILWICKET_CONFIG is set', [], { MAILWICKET_CONFIG: '/x.toml' }],
    ['NODE_ENV is production', [], { NODE_ENV: 'production' }],
  ])('does not start when %s', async (_, args, env) => {
    expect(await runHere(['demo', ...args], { env })).toMatchObject({ code: 2, out: '', err: expect.stringContaining('The demo does not start here') })
  })
})

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('%s knows every command and option', async shell => {
    const { code, out } = await runHere(['completion', shell])
    expect(code).toBe(0)
    for (const { path, command } of COMMANDS)
      for (const word of [...path, ...command.options.map(option => option.long?.slice(2) ?? '')]) if (word !== 'version') expect(out).toContain(word)
    expect(JSON.parse((await runHere(['completion', shell, '--json'])).out)).toEqual({ shell, script: out })
  })
})
