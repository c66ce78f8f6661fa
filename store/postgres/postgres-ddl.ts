/**
 * How PostgreSQL writes our tables.
 *
 * Invariant: texts are compared by their bytes as SQLite does it, whatever the database's collation: the order of lists, and ranges such as
 * "every ID that begins with these characters", rest on it. Integers have 64 bits.
 */
import {
  type ColumnDefinitionNode,
  type DataTypeNode,
  type Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  type QueryId,
  RawNode,
  type RootOperationNode,
  sql,
} from 'kysely'
import type { Ddl } from '../schema/backend.ts'

export const GENERATION_CHANNEL = 'mailwicket_generation'

/** What PostgreSQL says with the place to which a store has moved. */
export const MOVED_STATE = 'MW001'

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

export const POSTGRES_DDL: Ddl = {
  bytes: sql`bytea`,
  rowNumber: column => column.generatedByDefaultAsIdentity().primaryKey(),
  findTable: table => sql`select 1 where to_regclass(${table}) is not null`,
  appendOnly: table =>
    [
      `create function ${table}_is_append_only() returns trigger language plpgsql as $$ begin raise exception '${table} is append only'; end $$`,
      `create trigger ${table}_no_change before update or delete on ${table} for each row execute function ${table}_is_append_only()`,
      `create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function ${table}_is_append_only()`,
    ].map(text => sql.raw(text)),
  announceMoves: table =>
    [
      `create function announce_${table}() returns trigger language plpgsql as $$ begin perform pg_notify('${GENERATION_CHANNEL}', ''); return null; end $$`,
      `create trigger ${table}_moved after update on ${table} for each statement execute function announce_${table}()`,
    ].map(text => sql.raw(text)),
  numberFromHere: table => [sql`select setval(pg_get_serial_sequence(${table}, 'id'), coalesce((select max(id) from ${sql.table(table)}), 1))`],
  holdWriters: tables =>
    // A server may end transactions in which nothing is said for a while.
    ['set local idle_in_transaction_session_timeout = 0', `lock table ${tables.join(', ')} in share row exclusive mode`].map(text => sql.raw(text)),
  refuseWrites: (table, to) =>
    [
      `create function ${table}_has_moved() returns trigger language plpgsql as $$ begin raise exception using errcode = '${MOVED_STATE}', message = tg_argv[0]; end $$`,
      `create trigger ${table}_moved_away before insert or update or delete or truncate on ${table} for each statement execute function ${table}_has_moved(${quoted(to)})`,
    ].map(text => sql.raw(text)),
  allowWrites: table => [`drop trigger ${table}_moved_away on ${table}`, `drop function ${table}_has_moved()`].map(text => sql.raw(text)),
  tables: <Tables>(db: Kysely<Tables>) => db.withPlugin(new ColumnTypes()),
}

class ColumnTypes implements KyselyPlugin {
  readonly #transformer = new ColumnTypeTransformer()

  transformQuery({ node, queryId }: { readonly node: RootOperationNode; readonly queryId: QueryId }): RootOperationNode {
    return this.#transformer.transformNode(node, queryId)
  }

  async transformResult<Result>({ result }: { readonly result: Result }): Promise<Result> {
    return result
  }
}

class ColumnTypeTransformer extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode, queryId: QueryId): ColumnDefinitionNode {
    const column = super.transformColumnDefinition(node, queryId)
    if (column.dataType.kind !== 'DataTypeNode') return column
    const { dataType } = column.dataType as DataTypeNode
    if (dataType === 'text') return { ...column, dataType: RawNode.createWithSql('text collate "C"') }
    if (dataType === 'integer') return { ...column, dataType: RawNode.createWithSql('bigint') }
    return column
  }
}
