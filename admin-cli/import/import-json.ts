/**
 * JSON Lines, in and out: one mailbox with its devices on a line. An array with one mailbox on each line, as `export --json` prints it, is read as well.
 */

import { formatIsoOrNull } from '../../base/iso-time.ts'
import type { ExportedMailbox } from '../../store/transfer/export.ts'
import type { Field, RawRow } from './import-fields.ts'
import { formatPerson } from './import-people.ts'

/** Name in JSON → name of the column. Those of devices are the names that `device list --json` uses. */
const MAILBOX_KEYS: Readonly<Record<string, string>> = {
  mailbox: 'mailbox',
  upstream: 'upstream',
  login: 'login',
  secret: 'secret',
  state: 'mailbox_state',
  legacyPasswordUntil: 'legacy_password_until',
  note: 'note',
  aliases: 'aliases',
  people: 'people',
}
const DEVICE_KEYS: Readonly<Record<string, string>> = {
  name: 'device',
  state: 'device_state',
  scopes: 'scopes',
  expiresAt: 'expires',
  allowFrom: 'allow_from',
  user: 'user',
  passwordHash: 'password_hash',
  password: 'password',
}

/** Undefined: an empty line, or a bracket around the array. */
export function toRawRow(text: string, line: number): RawRow | { readonly line: number; readonly bad: string } | undefined {
  const trimmed = text
    .replace(/^\uFEFF/, '')
    .trim()
    .replace(/,$/, '')
  if (trimmed === '' || trimmed === '[' || trimmed === ']') return undefined
  let value: unknown
  try {
    value = JSON.parse(trimmed)
  } catch {
    return { line, bad: 'no JSON: one mailbox a line is expected (`jq -c ".[]"` makes lines of an array)' }
  }
  if (!isRecord(value)) return { line, bad: 'no object: one mailbox a line is expected' }
  const { devices = [], ...mailbox } = value
  if (!Array.isArray(devices) || !devices.every(isRecord)) return { line, bad: 'devices: a list of objects is expected' }
  const [fields, wrong] = rename(mailbox, MAILBOX_KEYS)
  if (wrong !== undefined) return { line, bad: wrong }
  const rows: Record<string, Field>[] = []
  for (const device of devices) {
    const [row, bad] = rename(device, DEVICE_KEYS)
    if (bad !== undefined) return { line, bad: `devices: ${bad}` }
    rows.push(row)
  }
  return { line, mailbox: fields, devices: rows }
}

function rename(object: Readonly<Record<string, unknown>>, names: Readonly<Record<string, string>>): [Record<string, Field>, string | undefined] {
  const fields: Record<string, Field> = {}
  for (const [key, value] of Object.entries(object)) {
    if (!Object.hasOwn(names, key)) return [fields, `a key that is not known; there are ${Object.keys(names).join(', ')}`]
    if (!isField(value)) return [fields, `${key}: a text, a list of texts or null is expected`]
    fields[names[key] as string] = value
  }
  return [fields, undefined]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isField(value: unknown): value is Exclude<Field, undefined> {
  return value === null || typeof value === 'string' || (Array.isArray(value) && value.every(item => typeof item === 'string'))
}

/** A mailbox as one line, without its line end. */
export function formatJsonRow({ address, upstream, login, state, migrationPasswordUntil, note, aliases, people, devices }: ExportedMailbox): string {
  return JSON.stringify({
    mailbox: address,
    upstream,
    login,
    state,
    legacyPasswordUntil: formatIsoOrNull(migrationPasswordUntil),
    note,
    aliases,
    people: people.map(formatPerson),
    devices: devices.map(device => ({
      name: device.name,
      state: device.state,
      scopes: device.scopes,
      expiresAt: formatIsoOrNull(device.expiresAt),
      allowFrom: device.allowFrom,
      user: device.user,
      ...(device.phc === null ? {} : { passwordHash: device.phc }),
    })),
  })
}
