import { expect, test } from 'vitest'
import type { Command } from '../admin-cli/frame/command-frame.ts'
import { buildProgram } from '../admin-cli/program.ts'
import { makeTestTerminal } from '../admin-cli/terminal-fixture.ts'
import { expectShape, findShape, misfit, SHAPES } from './json-shapes.ts'

/** What they print is no answer: a log, and the demo's introduction. */
const WITHOUT = ['serve', 'demo', 'help']

test('every command has its shape', async () => {
  const program = await buildProgram(['completion'], makeTestTerminal(), '0')
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0 ? [path] : command.commands.flatMap(child => leaves(child, `${path} ${child.name()}`.trim()))
  const all = leaves(program, '').filter(path => !WITHOUT.includes(path))
  const shaped = new Set(SHAPES.flatMap(({ commands }) => commands.map(command => command.replace(/ --.*/, ''))))
  expect([...shaped].sort()).toEqual(all.sort())
})

test('a field too many, one too few and one of another type do not fit', () => {
  const shape = findShape(['--config', 'x.toml', 'session', 'kick', '--device', 'abcd', '--json'])?.shape
  if (shape === undefined) throw new Error('no shape')
  expect(misfit(shape, { sessions: 1 })).toBeUndefined()
  expect(misfit(shape, { sessions: '1' })).toContain('value.sessions')
  expect(misfit(shape, { sessions: null })).toContain('value.sessions')
  expect(misfit(shape, {})).toContain('missing')
  expect(misfit(shape, { sessions: 1, more: 2 })).toContain('value.more')
  expect(() => expectShape(['key', 'rotate'], '{"from":"a","to":"b","resealed":1.5}')).toThrow('resealed')
})

test('options choose where they change the shape', () => {
  expect(findShape(['mailbox', 'set', '--all-of', 'example.com'])?.commands).toEqual(['mailbox set --all-of'])
  expect(findShape(['mailbox', 'list', '--legacy'])?.commands).toEqual(['mailbox list --legacy'])
  expect(findShape(['serve'])).toBeUndefined()
})
