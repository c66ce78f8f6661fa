import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Param, prepareQuery } from '../schema/prepared-query.ts'
import { StoreFixture } from '../store-fixture.ts'
import { openSqlite } from './sqlite-backend.ts'

let fixture: StoreFixture
beforeEach(async () => {
  fixture = new StoreFixture()
  await fixture.create()
})
afterEach(() => fixture.remove())

test('a prepared query compares with no bare parameter, for whose value SQLite would plan it anew, and finds the same', async () => {
  const backend = openSqlite(fixture.path, 'write')
  const prepared = prepareQuery((param: Param<{ name: 'schema_version' }>) => backend.db.selectFrom('meta').select('name').where('name', '=', param('name')))
  expect(prepared({ name: 'schema_version' }).sql).toContain('= +?')
  const { rows } = await backend.db.executeQuery(prepared({ name: 'schema_version' }))
  expect(rows).toEqual([{ name: 'schema_version' }])
  // Once, with a value that is known: SQLite may look at it.
  expect(backend.db.selectFrom('meta').select('name').where('name', '=', 'schema_version').compile().sql).toContain('= ?')
  await backend.close()
})

test('a limit that is bound, for which SQLite would plan a prepared query anew each time, is refused', async () => {
  const backend = openSqlite(fixture.path, 'write')
  expect(() => prepareQuery(() => backend.db.selectFrom('meta').select('name').limit(1))).toThrow('sql.lit()')
  prepareQuery(() => backend.db.selectFrom('meta').select('name').limit(sql.lit(1)))
  await backend.close()
})
