/**
 * One row of an import, from the words of a file to the values of the store; the same for CSV and JSON.
 *
 * SECURITY: a refusal names line and column and never quotes a cell: where columns are shifted, a password stands in any of them.
 */
import { normaliseAddress } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import { formatCidr, parseCidr } from '../../base/network.ts'
import { Secret } from '../../base/secret.ts'
import { parseDeviceName } from '../../store/accounts/devices/device-names.ts'
import { parseNote } from '../../store/accounts/mailboxes.ts'
import { checkNameIsNotReserved } from '../../store/accounts/migration-rows.ts'
import { parseLogin } from '../../store/accounts/people/user-rows.ts'
import { checkPhc } from '../../store/passwords/password-hash.ts'
import type { Scope } from '../../store/schema/login-record.ts'
import { BadRow, type ImportedDevice, type ImportedMailbox, type ImportRow } from '../../store/transfer/import-rows.ts'
import { findEnd } from '../frame/moment.ts'
import { parsePerson } from './import-people.ts'

/** `undefined`: not said. `null`: none of it (no expiry, no user …). */
export type Field = string | readonly string[] | null | undefined

/** A row as a file has it, by the names below. */
export interface RawRow {
  readonly line: number
  readonly mailbox: Readonly<Record<string, Field>>
  readonly devices: readonly Readonly<Record<string, Field>>[]
}

export const MAILBOX_FIELDS = ['mailbox', 'upstream', 'login', 'secret', 'mailbox_state', 'legacy_password_until', 'note', 'aliases', 'people'] as const
export const DEVICE_FIELDS = ['device', 'device_state', 'scopes', 'expires', 'allow_from', 'user', 'password_hash', 'password'] as const

/** The same bound as for a secret that is typed. */
const MAX_SECRET_BYTES = 4096

/** Throws BadRow. */
export function toImportRow({ line, mailbox, devices }: RawRow): ImportRow {
  return { line, mailbox: toMailbox(mailbox), devices: devices.map(toDevice) }
}

function toMailbox(fields: RawRow['mailbox']): ImportedMailbox {
  const given = text(fields, 'mailbox')?.trim() ?? ''
  if (given === '') throw new BadRow('mailbox: it is empty; every row names its mailbox')
  const address = normaliseAddress(given)
  if (address === undefined) throw new BadRow('mailbox: no e-mail address such as anna@example.com')
  const login = text(fields, 'login')?.trim()
  return {
    address,
    upstream: text(fields, 'upstream')?.trim() || undefined,
    login: fields['login'] === null || (login !== undefined && login === address) ? null : login || undefined,
    secret: secret(fields, 'secret'),
    state: word(fields, 'mailbox_state', ['active', 'disabled']),
    migrationPasswordUntil: moment(fields, 'legacy_password_until', 'off'),
    note: note(fields),
    aliases: aliases(fields),
    people: list(fields, 'people')?.map(parsePerson),
  }
}

function note(fields: RawRow['mailbox']): string | null | undefined {
  const given = text(fields, 'note')
  if (given === undefined) return fields['note'] === null ? null : undefined
  return given.trim() === '' ? undefined : within('note', () => parseNote(given))
}

function aliases(fields: RawRow['mailbox']): readonly string[] | undefined {
  const given = list(fields, 'aliases')
  // An empty cell says nothing; an empty list of JSON, null or the word say that there are none.
  if (given === undefined || given.length === 0) return fields['aliases'] === null || Array.isArray(fields['aliases']) ? [] : undefined
  if (given.length === 1 && given[0]?.toLowerCase() === 'none') return []
  return given.map(alias => {
    const address = normaliseAddress(alias)
    if (address === undefined) throw new BadRow('aliases: no e-mail addresses with spaces between')
    return address
  })
}

function toDevice(fields: RawRow['mailbox']): ImportedDevice {
  const device: ImportedDevice = {
    name: name(fields),
    state: word(fields, 'device_state', ['active', 'disabled']),
    scopes: scopes(fields),
    expiresAt: moment(fields, 'expires', 'never'),
    allowFrom: networks(fields),
    user: user(fields),
    phc: hash(fields),
    password: secret(fields, 'password'),
  }
  if (device.phc !== undefined && device.password !== undefined) throw new BadRow('password, password_hash: give one of them')
  return device
}

function name(fields: RawRow['mailbox']): string {
  return within('device', () => {
    const given = parseDeviceName(text(fields, 'device') ?? '')
    checkNameIsNotReserved(given)
    return given
  })
}

function text(fields: RawRow['mailbox'], name: string): string | undefined {
  const field = fields[name]
  if (field === undefined || field === null) return undefined
  if (typeof field !== 'string') throw new BadRow(`${name}: a text is expected, not a list`)
  return field
}

/** A list as one text (spaces, commas or semicolons between) or as a list. */
function list(fields: RawRow['mailbox'], name: string): readonly string[] | undefined {
  const field = fields[name]
  if (field === undefined || field === null) return undefined
  return (typeof field === 'string' ? field.split(/[\s,;]+/) : field).map(item => item.trim()).filter(item => item !== '')
}

function word<Word extends string>(fields: RawRow['mailbox'], name: string, words: readonly Word[]): Word | undefined {
  const given = text(fields, name)?.trim().toLowerCase()
  if (given === undefined || given === '') return undefined
  const found = words.find(one => one === given)
  if (found === undefined) throw new BadRow(`${name}: one of ${words.join(', ')} is expected`)
  return found
}

function secret(fields: RawRow['mailbox'], name: string): Secret | undefined {
  const given = text(fields, name)
  if (given === undefined || given === '') return undefined
  // No login command of IMAP or SASL can carry these three.
  if (/[\0\r\n]/.test(given)) throw new BadRow(`${name}: it has a line break or a NUL in it`)
  if (!given.isWellFormed() || Buffer.byteLength(given) > MAX_SECRET_BYTES) throw new BadRow(`${name}: longer than ${MAX_SECRET_BYTES} bytes, or no text`)
  return Secret.fromText(given)
}

function scopes(fields: RawRow['mailbox']): readonly Scope[] | undefined {
  const given = list(fields, 'scopes')?.map(scope => scope.toLowerCase())
  if (given === undefined || given.length === 0) return undefined
  if (!given.every(scope => scope === 'imap' || scope === 'smtp')) throw new BadRow('scopes: imap, smtp, or both are expected')
  return given as Scope[]
}

/** The end of something; `none` is the word for that it has none. */
function moment(fields: RawRow['mailbox'], name: string, none: string): number | null | undefined {
  const given = text(fields, name)?.trim()
  if (given === undefined || given === '') return fields[name] === null ? null : undefined
  if (given.toLowerCase() === none) return null
  const end = findEnd(given)
  if (end === undefined) throw new BadRow(`${name}: a date is expected, such as 2027-01-31 (the end of that day, UTC) or 2027-01-31T18:00Z; or ${none}`)
  return end
}

function networks(fields: RawRow['mailbox']): readonly string[] | undefined {
  const given = list(fields, 'allow_from')
  if (given === undefined) return fields['allow_from'] === null ? [] : undefined
  if (given.length === 1 && given[0]?.toLowerCase() === 'anywhere') return []
  return given.map(network => {
    try {
      return formatCidr(parseCidr(network))
    } catch {
      throw new BadRow('allow_from: addresses or networks are expected, such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32')
    }
  })
}

function user(fields: RawRow['mailbox']): string | null | undefined {
  const given = text(fields, 'user')?.trim()
  if (given === undefined) return fields['user'] === null ? null : undefined
  if (given.toLowerCase() === 'none') return null
  try {
    return parseLogin(given)
  } catch {
    throw new BadRow('user: a login is expected: an e-mail address, or a short name of letters, digits, ".", "_" and "-"')
  }
}

function hash(fields: RawRow['mailbox']): string | undefined {
  const given = text(fields, 'password_hash')?.trim()
  if (given === undefined || given === '') return undefined
  // Dovecot writes the name of the scheme before it.
  const phc = given.replace(/^\{ARGON2ID\}/i, '')
  return within('password_hash', () => {
    checkPhc(phc)
    return phc
  })
}

/** The messages of these two checks quote nothing. */
function within<Value>(column: string, parse: () => Value): Value {
  try {
    return parse()
  } catch (error) {
    if (error instanceof MailwicketError) throw new BadRow(`${column}: ${error.message.replace('a stored password hash', 'it')}`)
    throw error
  }
}
