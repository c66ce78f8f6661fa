/**
 * kysely's SQLite, but for one thing: SQLite plans a query anew for each value that a bare parameter is compared with (70 µs in place of 7 for
 * the login query). A sign in front of it, which changes no value of any type, makes it plan a prepared query once.
 */
import { type QueryCompiler, SqliteDialect, SqliteQueryCompiler } from 'kysely'
import { Gap } from '../schema/prepared-query.ts'

export class PlanningOnce extends SqliteDialect {
  override createQueryCompiler(): QueryCompiler {
    return new Compiler()
  }
}

class Compiler extends SqliteQueryCompiler {
  protected override appendValue(parameter: unknown): void {
    if (parameter instanceof Gap) this.append('+')
    super.appendValue(parameter)
  }
}
