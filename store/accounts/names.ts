/**
 * Names alone, as somebody types them: for the completion of a shell and for “did you mean”. They begin with `beginning`, in alphabetic order.
 */
import type { Kysely } from 'kysely'
import type { DeviceId, InvitationId } from '../../base/ids.ts'
import type { Schema } from '../schema/schema.ts'
import type { StoreContext } from '../store-context.ts'
import { nameKeyOf } from './devices/device-names.ts'

export interface NameRequest {
  readonly beginning: string
  readonly limit: number
}

/** Follows every letter that a name can begin with. */
const LAST = '\u{10ffff}'

export class Names {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Addresses. */
  async mailboxes({ beginning, limit }: NameRequest): Promise<string[]> {
    const text = beginning.toLowerCase()
    const query = this.#context.db.selectFrom('mailboxes').select('address')
    const rows = await query.where('address', '>=', text).where('address', '<', `${text}${LAST}`).orderBy('address').limit(limit).execute()
    return rows.map(({ address }) => address)
  }

  /** Logins. */
  async users({ beginning, limit }: NameRequest): Promise<string[]> {
    const text = beginning.toLowerCase()
    const query = this.#context.db.selectFrom('users').select('login')
    const rows = await query.where('login', '>=', text).where('login', '<', `${text}${LAST}`).orderBy('login').limit(limit).execute()
    return rows.map(({ login }) => login)
  }

  /** Of those that are not revoked: `ADDR/NAME`, and, once a part of one is there, IDs. */
  async devices({ beginning, limit }: NameRequest): Promise<string[]> {
    const text = beginning.toLowerCase()
    const slash = text.indexOf('/')
    const address = slash < 0 ? text : text.slice(0, slash)
    let query = selectDevices(this.#context.db).orderBy('mailboxes.address').orderBy('devices.name_key').limit(limit)
    if (slash < 0) query = query.where('mailboxes.address', '>=', address).where('mailboxes.address', '<', `${address}${LAST}`)
    else query = query.where('mailboxes.address', '=', address)
    const rows = await query.execute()
    const refs = rows.map(({ address, name }) => `${address}/${name}`).filter(ref => ref.toLowerCase().startsWith(text))
    if (!/^[0-9a-z]+$/.test(text)) return refs
    const ids = await selectDevices(this.#context.db)
      .where('devices.id', '>=', text as DeviceId)
      .where('devices.id', '<', `${text}{` as DeviceId)
      .orderBy('devices.id')
      .limit(limit)
      .execute()
    return [...refs, ...ids.map(({ id }) => id)].slice(0, limit)
  }

  /** Of mailboxes. */
  async domains({ beginning, limit }: NameRequest): Promise<string[]> {
    const text = beginning.toLowerCase()
    const query = this.#context.db.selectFrom('mailboxes').select('domain').distinct()
    const rows = await query.where('domain', '>=', text).where('domain', '<', `${text}${LAST}`).orderBy('domain').limit(limit).execute()
    return rows.map(({ domain }) => domain)
  }

  /** IDs. */
  sessions(request: NameRequest): Promise<string[]> {
    return this.#ids('sessions', request)
  }

  /** IDs. */
  tokens(request: NameRequest): Promise<string[]> {
    return this.#ids('api_tokens', request)
  }

  /** IDs of open ones. */
  async invitations({ beginning, limit }: NameRequest): Promise<string[]> {
    const query = this.#context.db.selectFrom('invitations').select('id').where('state', '=', 'open')
    const rows = await query
      .where('id', '>=', beginning as InvitationId)
      .where('id', '<', `${beginning}{` as InvitationId)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  async #ids(table: 'sessions' | 'api_tokens', { beginning, limit }: NameRequest): Promise<string[]> {
    const rows = await this.#context.db
      .selectFrom(table)
      .select('id')
      .where('id', '>=', beginning as never)
      .where('id', '<', `${beginning}{` as never)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  /** `ADDR/NAME` of devices of this name, at whichever mailbox. */
  async devicesNamed(name: string, limit: number): Promise<string[]> {
    const rows = await selectDevices(this.#context.db).where('devices.name_key', '=', nameKeyOf(name)).orderBy('mailboxes.address').limit(limit).execute()
    return rows.map(({ address, name }) => `${address}/${name}`)
  }
}

function selectDevices(db: Kysely<Schema>) {
  return db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.id', 'mailboxes.address', 'devices.name'])
    .where('devices.state', '<>', 'revoked')
}
