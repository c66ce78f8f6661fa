/**
 * How a person names a device: its name, and the references `ID`, a shortened ID, or `ADDR/NAME`.
 */
import type { Kysely } from 'kysely'
import { parseAddress } from '../../../base/address.ts'
import type { DeviceId } from '../../../base/ids.ts'
import { Problem } from '../../../base/problems.ts'
import type { Schema } from '../../schema/schema.ts'
import { parsePlainName } from '../plain-names.ts'

const MAX_NAME_CHARACTERS = 100
const ID_PREFIX = /^[0-9a-z]{1,16}$/
/** As many as an error message can show. */
const MAX_CANDIDATES = 5

/** A device's name as it is stored. Throws BAD_INPUT. */
export function parseDeviceName(text: string): string {
  return parsePlainName(text, { what: 'a device’s name', maxCharacters: MAX_NAME_CHARACTERS, without: '/' })
}

/** What makes two names the same. */
export function nameKeyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** Finds the one device a reference names. Throws NOT_FOUND, AMBIGUOUS_ID with the candidates, BAD_INPUT. */
export async function resolveDevice(db: Kysely<Schema>, reference: string): Promise<DeviceId> {
  const slash = reference.indexOf('/', reference.indexOf('@') + 1)
  if (reference.includes('@') && slash > 0) return resolveByName(db, parseAddress(reference.slice(0, slash)), reference.slice(slash + 1))
  const prefix = reference.toLowerCase()
  if (!ID_PREFIX.test(prefix)) throw new Problem('device.ref-form', { ref: reference })
  const candidates = await db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.id', 'mailboxes.address', 'devices.name', 'devices.state'])
    .where('devices.id', '>=', prefix as DeviceId)
    // "{" follows "z": every ID that begins with the prefix lies between.
    .where('devices.id', '<', `${prefix}{` as DeviceId)
    .orderBy('devices.id')
    .limit(MAX_CANDIDATES + 1)
    .execute()
  const [first] = candidates
  if (first === undefined) throw noDevice(reference)
  if (candidates.length > 1)
    throw ambiguous(
      reference,
      candidates.map(device => `${device.id} (${device.address}/${device.name}${device.state === 'revoked' ? ', revoked' : ''})`),
    )
  return first.id
}

async function resolveByName(db: Kysely<Schema>, address: string, name: string): Promise<DeviceId> {
  const devices = await db
    .selectFrom('devices')
    .innerJoin('mailboxes', 'mailboxes.id', 'devices.mailbox_id')
    .select(['devices.id', 'devices.state'])
    .where('mailboxes.address', '=', address)
    .where('devices.name_key', '=', nameKeyOf(name.trim().normalize('NFC')))
    .orderBy('devices.created_at', 'desc')
    .execute()
  // A name is free again once its device is revoked: the one in use is meant, else the latest.
  const device = devices.find(({ state }) => state !== 'revoked') ?? devices[0]
  if (device === undefined) throw noDevice(`${address}/${name}`)
  return device.id
}

export function noDevice(ref: string): Problem {
  return new Problem('device.unknown', { ref })
}

export function ambiguous(reference: string, candidates: readonly string[]): Problem {
  const shown = candidates.slice(0, MAX_CANDIDATES)
  const more = candidates.length > shown.length ? ' and more' : ''
  return new Problem('id.ambiguous', { ref: reference, candidates: shown, more })
}
