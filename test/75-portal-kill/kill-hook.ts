/**
 * Loaded before the portal's main: kills the process as `kill -9` does, right before or right after the commit of a change to a table. Which: the file
 * that KILL_AT names says `before devices` or `after devices`; without that file it does nothing. Each order is carried out once.
 */
import { readFileSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'

const file = process.env['KILL_AT'] ?? ''
let changed = new Set<string>()

function killHere(when: 'before' | 'after'): void {
  let order: string
  try {
    order = readFileSync(file, 'utf8')
  } catch {
    return
  }
  const [at, table = ''] = order.split(' ')
  if (at !== when || !changed.has(table)) return
  rmSync(file)
  process.kill(process.pid, 'SIGKILL')
}

const prototype = Database.prototype as unknown as { prepare(sql: string): Record<'run' | 'all', (...values: unknown[]) => unknown> }
const prepare = prototype.prepare
prototype.prepare = function (sql) {
  const statement = prepare.call(this, sql)
  const table = /^(?:insert into|update|delete from) "(\w+)"/.exec(sql)?.[1]
  for (const name of ['run', 'all'] as const) {
    const act = statement[name].bind(statement)
    statement[name] = (...values) => {
      if (sql.startsWith('begin')) changed = new Set()
      if (table !== undefined) changed.add(table)
      if (sql === 'commit') killHere('before')
      const result = act(...values)
      if (sql === 'commit') killHere('after')
      return result
    }
  }
  return statement
}
