import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { listAll } from '../../store/schema/keyset.ts'
import { makeTestTerminal } from '../terminal-fixture.ts'
import { answerList, type ListShape } from './answer-list.ts'
import { formatJson, makeContext } from './command-context.ts'
import type { Screen } from './terminal.ts'

interface Row {
  readonly id: number
  readonly app: string
}

function countingShape(whenCell: () => void = () => {}): ListShape<Row> {
  const cell = (of: (row: Row) => string) => (row: Row) => {
    whenCell()
    return of(row)
  }
  const columns = [
    { head: 'id', rank: 1, cell: cell(row => String(row.id)) },
    { head: 'app', rank: 2, cell: cell(row => row.app) },
  ]
  return { columns, toJson: row => row, whenEmpty: 'None.' }
}

async function* rowsOf(count: number, whenRead: (id: number) => void = () => {}): AsyncGenerator<Row> {
  for (let id = 1; id <= count; id++) {
    whenRead(id)
    yield { id, app: 'line 1\nline "2"' }
  }
}

test.each([0, 1, 499, 500, 501, 1200])('%d rows are one JSON array, byte for byte as if they were written at once', async count => {
  const terminal = makeTestTerminal()
  await answerList(makeContext(terminal, { json: true }), rowsOf(count), countingShape())
  expect(terminal.out()).toBe(formatJson(await listAll(rowsOf(count))))
  expect(terminal.err()).toBe('')
})

test('--jsonl is one JSON value a line', async () => {
  const terminal = makeTestTerminal()
  await answerList(makeContext(terminal, { jsonl: true }), rowsOf(1200), countingShape())
  const lines = terminal.out().trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line))).toEqual(await listAll(rowsOf(1200)))
})

test('an empty list is nothing but a remark', async () => {
  const terminal = makeTestTerminal()
  await answerList(makeContext(terminal, {}), rowsOf(0), countingShape())
  expect([terminal.out(), terminal.err()]).toEqual(['', 'None.\n'])
})

test.each([{}, { json: true }, { jsonl: true }])('40,000 rows are looked at once each and written as they are read: %j', async options => {
  let written = 0
  let read = 0
  let furthest = 0
  let cells = 0
  const terminal = makeTestTerminal()
  const write = (text: string) => {
    written += text.split('\n').length
  }
  const stdout = { write }
  const rows = rowsOf(40_000, id => {
    read = id
    furthest = Math.max(furthest, read - written)
  })
  const shape = countingShape(() => (cells += 1))
  await answerList(makeContext({ ...terminal, stdout }, options), rows, shape)
  expect(read).toBe(40_000)
  expect(furthest).toBeLessThanOrEqual(500)
  expect(cells).toBe('json' in options || 'jsonl' in options ? 0 : 80_000)
})

test('a pipe that nobody empties stops the reading', async () => {
  const pipe = new EventEmitter()
  let read = 0
  let blocks = 0
  const write = () => {
    blocks += 1
    return false
  }
  const stdout = Object.assign(pipe, { write }) as unknown as Screen
  const terminal = { ...makeTestTerminal(), stdout }
  const done = answerList(
    makeContext(terminal, { jsonl: true }),
    rowsOf(2000, id => (read = id)),
    countingShape(),
  )
  while (blocks === 0) await new Promise(resolve => setImmediate(resolve))
  const atRest = read
  expect(atRest).toBeLessThanOrEqual(500)
  await new Promise(resolve => setImmediate(resolve))
  expect(read).toBe(atRest)
  for (let emptied = 0; emptied < 5; emptied++) {
    while (pipe.listenerCount('drain') === 0) await new Promise(resolve => setImmediate(resolve))
    pipe.emit('drain')
  }
  await done
  expect(read).toBe(2000)
})
