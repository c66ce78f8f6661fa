/** Pages of a list that the store gives whole, the newest first: by the time and ID of the last row shown, so that rows that go meanwhile shift nothing. */
import { Problem } from '../base/problems.ts'
import type { Page } from '../store/schema/keyset.ts'

interface Row {
  readonly id: string
  readonly createdAt: number
}

const CURSOR = /^(\d{1,15})-([0-9a-z]{1,50})$/

/** `rows`: by time, the newest first, then by ID. Throws BAD_INPUT when `after` is not of such a list. */
export function pageShortList<R extends Row>(rows: readonly R[], { after, limit }: { readonly after?: string | undefined; readonly limit: number }): Page<R> {
  const rest = after === undefined ? rows : rows.filter(isBehind(after))
  const shown = rest.slice(0, limit)
  const last = shown.at(-1)
  return { rows: shown, next: rest.length > limit && last !== undefined ? `${last.createdAt}-${last.id}` : null }
}

function isBehind(after: string): (row: Row) => boolean {
  const [, time, id = ''] = CURSOR.exec(after) ?? []
  if (time === undefined) throw new Problem('list.cursor', {})
  const at = Number(time)
  return row => row.createdAt < at || (row.createdAt === at && row.id > id)
}
