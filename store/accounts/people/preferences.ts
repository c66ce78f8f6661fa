/**
 * What a person likes: the language and the time zone of pages and mails, and which mails come. Not audited: it changes nobody's rights.
 */
import type { Kysely } from 'kysely'
import type { UserId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import { splitList } from '../../schema/list-column.ts'
import type { Schema } from '../../schema/schema.ts'
import type { StoreContext } from '../../store-context.ts'
import { getUserRow, parseLogin } from './user-rows.ts'

export const LANGUAGES = ['de', 'en', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

export const NOTICE_KINDS = ['new-device', 'new-network', 'ends-soon'] as const
export type NoticeKind = (typeof NOTICE_KINDS)[number]

export interface PreferencesOf {
  /** Null: what the browser asks for. */
  readonly language: Language | null
  /** Of the IANA list; null: UTC. */
  readonly timeZone: string | null
  readonly notices: readonly NoticeKind[]
}

const DEFAULTS: PreferencesOf = { language: null, timeZone: null, notices: NOTICE_KINDS }

export class Preferences {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws NOT_FOUND. */
  async get(login: string): Promise<PreferencesOf> {
    return this.of((await getUserRow(this.#context.db, parseLogin(login))).id)
  }

  async of(user: UserId): Promise<PreferencesOf> {
    return readPreferences(this.#context.db, user)
  }

  /** What is left out stays. Throws NOT_FOUND, BAD_INPUT. */
  async set(login: string, changes: Partial<PreferencesOf>): Promise<PreferencesOf> {
    return this.#context.change(async ({ db }) => {
      const user = await getUserRow(db, parseLogin(login))
      const { language, timeZone, notices } = { ...(await readPreferences(db, user.id)), ...changes }
      if (language !== null && !LANGUAGES.includes(language)) throw new Problem('preference.unknown', { what: 'language', text: language })
      if (timeZone !== null && !isTimeZone(timeZone)) throw new Problem('preference.unknown', { what: 'time zone', text: timeZone })
      const unknown = notices.find(kind => !NOTICE_KINDS.includes(kind))
      if (unknown !== undefined) throw new Problem('preference.unknown', { what: 'kind of mails', text: unknown })
      const columns = { language, time_zone: timeZone, notices: [...new Set(notices)].join(',') }
      await db
        .insertInto('preferences')
        .values({ user_id: user.id, ...columns })
        .onConflict(conflict => conflict.column('user_id').doUpdateSet(columns))
        .execute()
      return { language, timeZone, notices }
    })
  }
}

async function readPreferences(db: Kysely<Schema>, user: UserId): Promise<PreferencesOf> {
  const row = await db.selectFrom('preferences').selectAll().where('user_id', '=', user).executeTakeFirst()
  if (row === undefined) return DEFAULTS
  const notices = row.notices === null ? NOTICE_KINDS : splitList<NoticeKind>(row.notices)
  return { language: LANGUAGES.find(language => language === row.language) ?? null, timeZone: row.time_zone, notices }
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
