/**
 * Tokens of the HTTP API: `mwt_` and 256 random bits, of one person, for less than that person may or as much.
 *
 * Invariants: a token that is found is in time, and its owner is not blocked; one that makes passwords or gives rights ends within a year, and
 * within 90 days where it names no networks. Whether the owner may do what is asked is judged at each request.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import { MailwicketError } from '../../base/errors.ts'
import { type ApiTokenId, makeId, type UserId } from '../../base/ids.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import { termColumns } from '../accounts/devices/device-rows.ts'
import { parseDomain } from '../accounts/people/roles.ts'
import { getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { parsePlainName } from '../accounts/plain-names.ts'
import { beginningOf, hashToken, makeToken } from '../passwords/random-token.ts'
import { type Page, type PageRequest, readAll, readPage, type SortOrder } from '../schema/keyset.ts'
import { splitList } from '../schema/list-column.ts'
import type { ApiTokensTable } from '../schema/portal-schema.ts'
import { TOKEN_SCOPES, type TokenScope } from '../schema/rights-and-scopes.ts'
import type { Schema } from '../schema/schema.ts'
import type { StoreContext } from '../store-context.ts'

/** Those that let others in. */
const POWERFUL: readonly TokenScope[] = ['passwords', 'people']
const DAY_MS = 86_400_000
export const POWERFUL_MAX_MS = 366 * DAY_MS
export const POWERFUL_EVERYWHERE_MAX_MS = 90 * DAY_MS
const PREFIX = 'mwt_'
const BEGINNING_CHARACTERS = 10
const MAX_NAME_CHARACTERS = 100
/** Of one person. */
const MAX_TOKENS = 100
/** The time of the last use is written at most so often. */
const USED_EVERY_MS = 60_000

export interface ApiToken {
  readonly id: ApiTokenId
  /** First characters, by which a person knows it again. */
  readonly beginning: string
  readonly name: string
  /** Login of its owner. */
  readonly user: string
  readonly scopes: readonly TokenScope[]
  /** Empty: all that the owner may. */
  readonly domains: readonly string[]
  /** CIDR blocks; empty: everywhere. */
  readonly allowFrom: readonly string[]
  readonly createdAt: number
  readonly endsAt: number | null
  readonly usedAt: number | null
  readonly usedIp: string | null
}

export interface TokenFilter {
  /** Login of the owner. */
  readonly user?: string | undefined
}

export interface NewApiToken {
  readonly name: string
  readonly scopes: readonly TokenScope[]
  readonly domains?: readonly string[] | undefined
  readonly allowFrom?: readonly string[] | undefined
  readonly endsAt?: number | null | undefined
}

type TokenRow = Selectable<ApiTokensTable> & { readonly user: string }

const NEWEST_FIRST: SortOrder<TokenRow> = {
  name: 'token',
  direction: 'desc',
  keys: [
    { column: sql.ref('api_tokens.created_at'), valueOf: row => row.created_at },
    { column: sql.ref('api_tokens.id'), valueOf: row => row.id },
  ],
}

export class ApiTokens {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** `token` is shown once. Throws NOT_FOUND, BAD_INPUT. */
  async add(login: string, input: NewApiToken): Promise<{ readonly token: Secret; readonly record: ApiToken }> {
    const name = parsePlainName(input.name, { what: 'a token’s name', maxCharacters: MAX_NAME_CHARACTERS })
    const token = makeToken(PREFIX)
    return this.#context.change(async change => {
      const { db, at } = change
      const user = await getUserRow(db, parseLogin(login))
      const own = await db.selectFrom('api_tokens').select('id').where('user_id', '=', user.id).execute()
      if (own.length >= MAX_TOKENS) throw new Problem('token.too-many', { login: user.login, max: MAX_TOKENS })
      const columns = columnsOf(input, at)
      const row = {
        id: makeId<ApiTokenId>(),
        token_hash: hashToken(token),
        beginning: beginningOf(token, BEGINNING_CHARACTERS),
        name,
        user_id: user.id,
        ...columns,
      }
      await db
        .insertInto('api_tokens')
        .values({ ...row, created_at: at, used_at: null, used_ip: null })
        .execute()
      const record = toToken({ ...row, created_at: at, used_at: null, used_ip: null, user: user.login })
      const { beginning, scopes, domains, allowFrom, endsAt } = record
      const after = { name, beginning, scopes, domains, allowFrom, endsAt }
      await change.audit({ action: 'token.added', subject: user.login, subjectId: row.id, before: null, after })
      return { token, record }
    })
  }

  /** Of one person or of all, the newest first. Throws NOT_FOUND, BAD_INPUT when `after` is not of this list. */
  async page({ filter: { user } = {}, ...request }: PageRequest & { readonly filter?: TokenFilter | undefined } = {}): Promise<Page<ApiToken>> {
    const { db } = this.#context
    let query = selectTokens(db)
    if (user !== undefined) query = query.where('users.id', '=', (await getUserRow(db, parseLogin(user))).id)
    const { rows, next } = await readPage<TokenRow>(query, NEWEST_FIRST, request)
    return { rows: rows.map(toToken), next }
  }

  /** One after the other, in constant memory. */
  all(filter: TokenFilter = {}): AsyncGenerator<ApiToken> {
    return readAll(request => this.page({ filter, ...request }))
  }

  /** By ID; of one person, where `user` is given. Throws NOT_FOUND. */
  async get(id: string, { user }: { readonly user?: string | undefined } = {}): Promise<ApiToken> {
    return toToken(await getTokenRow(this.#context.db, id, user))
  }

  /** By ID; of one person, where `user` is given. Throws NOT_FOUND. */
  async revoke(id: string, { user }: { readonly user?: string | undefined } = {}): Promise<ApiToken> {
    return this.#context.change(async change => {
      const record = toToken(await getTokenRow(change.db, id, user))
      await change.db.deleteFrom('api_tokens').where('id', '=', record.id).execute()
      const { name, beginning } = record
      await change.audit({ action: 'token.revoked', subject: record.user, subjectId: record.id, before: { name, beginning }, after: null })
      return record
    })
  }

  /** The token as it is now; undefined: unknown, over, or its owner is blocked. Whether `ip` is among its networks is for the caller to judge. */
  async find(token: Secret): Promise<(ApiToken & { readonly userId: UserId }) | undefined> {
    const { db, now } = this.#context
    const row = await selectTokens(db).where('api_tokens.token_hash', '=', hashToken(token)).where('users.state', '=', 'active').executeTakeFirst()
    if (row === undefined || (row.ends_at !== null && row.ends_at <= now())) return undefined
    return { ...toToken(row), userId: row.user_id }
  }

  /** Notes that a token was used, at most once a minute. Not while nothing can be written, or others write: what it asks for goes on. */
  async used({ id, usedAt, usedIp }: ApiToken, ip: string): Promise<void> {
    const at = this.#context.now()
    if (usedAt !== null && usedIp === ip && usedAt <= at && usedAt > at - USED_EVERY_MS) return
    try {
      await this.#context.db.updateTable('api_tokens').set({ used_at: at, used_ip: ip }).where('id', '=', id).execute()
    } catch (error) {
      if (!(error instanceof MailwicketError) || error.kind !== 'temporary') throw error
    }
  }
}

function columnsOf({ scopes, domains = [], allowFrom = [], endsAt = null }: NewApiToken, now: number) {
  const unknown = scopes.find(scope => !TOKEN_SCOPES.includes(scope))
  if (unknown !== undefined) throw new Problem('token.scope-unknown', { scope: unknown, scopes: TOKEN_SCOPES })
  if (scopes.length === 0) throw new Problem('token.scope-missing', {})
  const { allow_from, expires_at: ends_at } = termColumns({ scopes: ['imap'], allowFrom, expiresAt: endsAt })
  if (ends_at !== null && ends_at <= now) throw new Problem('token.end-past', {})
  if (POWERFUL.some(scope => scopes.includes(scope))) {
    const end = ends_at ?? Number.POSITIVE_INFINITY
    if (end > now + POWERFUL_MAX_MS) throw new Problem('token.end-far', { scopes: POWERFUL })
    if (allow_from === '' && end > now + POWERFUL_EVERYWHERE_MAX_MS) throw new Problem('token.end-or-networks', { scopes: POWERFUL })
  }
  return { scopes: [...new Set(scopes)].sort().join(','), domains: [...new Set(domains.map(parseDomain))].sort().join(','), allow_from, ends_at }
}

function selectTokens(db: Kysely<Schema>) {
  return db.selectFrom('api_tokens').innerJoin('users', 'users.id', 'api_tokens.user_id').selectAll('api_tokens').select('users.login as user')
}

async function getTokenRow(db: Kysely<Schema>, id: string, user: string | undefined): Promise<TokenRow> {
  const row = await selectTokens(db)
    .where('api_tokens.id', '=', id as ApiTokenId)
    .executeTakeFirst()
  if (row === undefined || (user !== undefined && row.user !== parseLogin(user))) throw new Problem('token.unknown', { id })
  return row
}

function toToken(row: TokenRow): ApiToken {
  return {
    id: row.id,
    beginning: row.beginning,
    name: row.name,
    user: row.user,
    scopes: splitList<TokenScope>(row.scopes),
    domains: splitList(row.domains),
    allowFrom: splitList(row.allow_from),
    createdAt: row.created_at,
    endsAt: row.ends_at,
    usedAt: row.used_at,
    usedIp: row.used_ip,
  }
}
