/**
 * Why something was refused or not found, as a reason with facts, for whoever puts it into words.
 *
 * The sentence here is plain English for logs, API and command line; pages have words of their own in each language, and only the command line
 * adds which command helps (`admin-cli/frame/remedies.ts`). No sentence names a command, and no fact is a secret.
 */
import { type ErrorCode, MailwicketError } from './errors.ts'

interface ProblemRow<Facts> {
  readonly code: ErrorCode
  readonly sentence: (facts: Facts) => string
}

function row<Facts>(code: ErrorCode, sentence: (facts: Facts) => string): ProblemRow<Facts> {
  return { code, sentence }
}

const quoted = (text: string): string => JSON.stringify(text)
const count = (n: number, one: string): string => (n === 1 ? `a ${one}` : `${n} ${one}s`)

export const PROBLEMS = {
  'mailbox.unknown': row('NOT_FOUND', ({ address }: { address: string }) => `there is no mailbox ${address}`),
  'mailbox.exists': row('ALREADY_EXISTS', ({ address }: { address: string }) => `there is already a mailbox ${address}`),
  'mailbox.secret-empty': row('BAD_INPUT', (_: Nothing) => 'the upstream secret is empty'),
  'mailbox.login': row('BAD_INPUT', ({ max }: { max: number }) => `the upstream login must have 1 to ${max} bytes and no control characters`),
  'mailbox.no-secret': row('NOT_FOUND', ({ address }: { address: string }) => `no upstream secret is stored for ${address}`),
  'domain.unknown': row('NOT_FOUND', ({ domain }: { domain: string }) => `there is no mailbox in ${domain}`),
  'domain.form': row('BAD_INPUT', ({ text }: { text: string }) => `${quoted(text)} is not a domain such as example.com`),
  'alias.exists': row('ALREADY_EXISTS', ({ alias, mailbox }: { alias: string; mailbox: string }) => `${alias} is already an alias of ${mailbox}`),
  'alias.unknown': row('NOT_FOUND', ({ alias, mailbox }: { alias: string; mailbox: string }) => `${alias} is no alias of ${mailbox}`),
  'alias.too-many': row('BAD_INPUT', ({ mailbox, max }: { mailbox: string; max: number }) => `${mailbox} has ${max} aliases already`),
  'name.form': row(
    'BAD_INPUT',
    ({ what, max, without }: { what: string; max: number; without: string }) =>
      `${what} must have 1 to ${max} printable characters${without === '' ? '' : ` and no "${without}"`}`,
  ),

  'device.unknown': row('NOT_FOUND', ({ ref }: { ref: string }) => `there is no device ${ref}`),
  'device.ref-form': row('BAD_INPUT', ({ ref }: { ref: string }) => `${quoted(ref)} is neither a device’s ID nor ADDRESS/NAME`),
  'device.name-taken': row(
    'ALREADY_EXISTS',
    ({ mailbox, name, id }: { mailbox: string; name: string; id: string }) => `${mailbox} already has a device "${name}" (${id})`,
  ),
  'device.revoked': row('BAD_INPUT', ({ mailbox, name }: { mailbox: string; name: string }) => `${mailbox}/${name} is revoked, for good: add a new device`),
  'device.scope-unknown': row('BAD_INPUT', ({ scope }: { scope: string }) => `${quoted(scope)} is not a scope: there are imap and smtp`),
  'device.scope-missing': row('BAD_INPUT', (_: Nothing) => 'a device needs at least one scope; to stop it, disable it'),
  'device.expiry-form': row('BAD_INPUT', (_: Nothing) => 'the time of expiry is not a time'),
  'device.network-form': row('BAD_INPUT', ({ text, wrong }: { text: string; wrong: string }) => `${quoted(text)} ${wrong}`),
  'id.ambiguous': row(
    'AMBIGUOUS_ID',
    ({ ref, candidates, more }: { ref: string; candidates: readonly string[]; more: string }) => `${ref} fits several: ${candidates.join(', ')}${more}`,
  ),
  'migration.name-reserved': row(
    'BAD_INPUT',
    ({ name }: { name: string }) => `the name "${name}" stands for a mailbox's password at its real server: choose another`,
  ),
  'migration.name-taken': row(
    'ALREADY_EXISTS',
    ({ mailbox, name, id }: { mailbox: string; name: string; id: string }) => `${mailbox} has a device of its own with the name "${name}" (${id})`,
  ),
  'migration.device': row(
    'BAD_INPUT',
    ({ mailbox, name, wish }: { mailbox: string; name: string; wish: string }) => `${mailbox}/${name} stands for the password of the real server: ${wish}`,
  ),

  'password.generated-only': row('BAD_INPUT', (_: Nothing) => 'this installation allows generated app passwords only'),
  'password.characters': row(
    'BAD_INPUT',
    (_: Nothing) => 'the password has characters that not every mail app can send: use letters, digits and punctuation of ASCII',
  ),
  'password.short': row('BAD_INPUT', ({ has, min }: { has: number; min: number }) => `the password has ${has} characters: use ${min} or more`),
  'password.long': row('BAD_INPUT', ({ has, max }: { has: number; max: number }) => `the password has ${has} characters: use ${max} or fewer`),
  'password.looks-generated': row('BAD_INPUT', (_: Nothing) => 'the password has the shape of a generated one: let one be generated, or choose another'),
  'password.is-name': row('BAD_INPUT', (_: Nothing) => 'the password is the address or the name of the device: choose another'),
  'password.used': row('BAD_INPUT', ({ device }: { device: { readonly name: string; readonly isRevoked: boolean } | null }) =>
    device === null
      ? 'this device has that password now: choose another'
      : `the ${device.isRevoked ? 'revoked ' : ''}device "${device.name}" has that password: choose another`,
  ),
  'password.too-many-chosen': row(
    'BAD_INPUT',
    ({ mailbox, max }: { mailbox: string; max: number }) => `${mailbox} has ${max} devices with chosen passwords already: let one be generated`,
  ),

  'user.unknown': row('NOT_FOUND', ({ login }: { login: string }) => `there is no user ${login}`),
  'user.exists': row('ALREADY_EXISTS', ({ login }: { login: string }) => `there is already a user ${login}`),
  'user.login-form': row(
    'BAD_INPUT',
    ({ text }: { text: string }) => `${quoted(text)} is no login: give an e-mail address, or a short name of letters, digits, ".", "_" and "-"`,
  ),
  'user.login-reserved': row('BAD_INPUT', ({ login }: { login: string }) => `"${login}" cannot be a login: it stands for no user`),
  'user.linked': row(
    'STILL_LINKED',
    ({ login, devices, more, total }: { login: string; devices: readonly string[]; more: string; total: number }) =>
      `${login} is linked to ${count(total, 'device')}: ${devices.join(', ')}${more}`,
  ),
  'user.linked-at': row(
    'STILL_LINKED',
    ({ login, mailbox, devices }: { login: string; mailbox: string; devices: number }) => `${login} is linked to ${count(devices, 'device')} of ${mailbox}`,
  ),
  'user.blocked-linked': row(
    'STILL_LINKED',
    ({ login, devices }: { login: string; devices: number }) =>
      `${login} is blocked: without a user ${devices === 1 ? 'the linked device' : `the ${devices} linked devices`} would get in again`,
  ),
  'user.last-administrator': row('LAST_ADMINISTRATOR', ({ login }: { login: string }) => `${login} is the only administrator`),
  'rights.none': row('BAD_INPUT', (_: Nothing) => 'no right at all is left: remove the person from the mailbox'),
  'preference.unknown': row('BAD_INPUT', ({ what, text }: { what: string; text: string }) => `there is no ${what} ${quoted(text)}`),

  'sending.no-senders': row('BAD_INPUT', (_: Nothing) => 'an empty list of senders lets nobody send: allow any, or take the right to send away'),
  'sending.too-many-senders': row('BAD_INPUT', ({ max }: { max: number }) => `a rule has at most ${max} senders; *@domain stands for all of a domain`),
  'sending.sender-domain': row('BAD_INPUT', ({ text }: { text: string }) => `${quoted(text)} does not name a domain: write *@example.com`),
  'sending.sender-star': row(
    'BAD_INPUT',
    ({ text }: { text: string }) => `${quoted(text)}: a star stands for everything before the @ only, as in *@example.com`,
  ),
  'sending.sender-form': row(
    'BAD_INPUT',
    ({ text }: { text: string }) => `${quoted(text)} is no sender: write an address, *@domain, or own (the mailbox’s address)`,
  ),
  'sending.recipients': row('BAD_INPUT', (_: Nothing) => 'a limit of recipients is a whole number from 1; to stop sending, take the right to send away'),

  'session.unknown': row('NOT_FOUND', ({ ref }: { ref: string }) => `there is no live session ${ref}`),
  'limits.unknown': row('NOT_FOUND', ({ subject }: { subject: string }) => `nothing is counted for ${subject}`),
  'limits.subject-form': row('BAD_INPUT', ({ text }: { text: string }) => `"${text}" is neither an address or a login nor an IP address or IPv6 /64`),
  'list.limit': row('BAD_INPUT', ({ max }: { max: number }) => `a page has 1 to ${max} rows`),
  'list.cursor': row('BAD_INPUT', (_: Nothing) => 'the place to go on from is not one of this list'),

  'invitation.unknown': row('NOT_FOUND', ({ id }: { id: string }) => `there is no invitation ${id}`),
  'invitation.closed': row('BAD_INPUT', (_: Nothing) => 'the invitation is no longer open'),
  'invitation.phone-again': row('BAD_INPUT', (_: Nothing) => 'an invitation for an existing device is made anew, not again'),
  'invitation.no-mail': row('BAD_INPUT', (_: Nothing) => 'no mail is sent from here: there is no [portal.mail] in the configuration'),
  'invitation.mail-to-itself': row(
    'BAD_INPUT',
    ({ address }: { address: string }) => `the link cannot be mailed there: ${address} is the mailbox that the invitation opens`,
  ),
  'invitation.mail-unreadable': row(
    'BAD_INPUT',
    ({ address, login }: { address: string; login: string }) => `the link cannot be mailed there: ${login} cannot read ${address} yet`,
  ),
  'portal-session.unknown': row('NOT_FOUND', ({ login, id }: { login: string; id: string }) => `${login} has no session ${id}`),
  'passkey.unknown': row('NOT_FOUND', ({ login, id }: { login: string; id: string }) => `${login} has no passkey ${id}`),
  'passkey.exists': row('ALREADY_EXISTS', (_: Nothing) => 'this passkey is here already'),
  'passkey.name-taken': row('ALREADY_EXISTS', ({ name }: { name: string }) => `there is already a passkey "${name}"`),
  'passkey.too-many': row('BAD_INPUT', ({ login, max }: { login: string; max: number }) => `${login} has ${max} passkeys already: remove one`),
  'token.unknown': row('NOT_FOUND', ({ id }: { id: string }) => `there is no token ${id}`),
  'token.too-many': row('BAD_INPUT', ({ login, max }: { login: string; max: number }) => `${login} has ${max} tokens already: revoke one`),
  'token.scope-unknown': row(
    'BAD_INPUT',
    ({ scope, scopes }: { scope: string; scopes: readonly string[] }) => `${quoted(scope)} is not a scope of tokens: there are ${scopes.join(', ')}`,
  ),
  'token.scope-missing': row('BAD_INPUT', (_: Nothing) => 'a token needs at least one scope'),
  'token.end-past': row('BAD_INPUT', (_: Nothing) => 'the end of the token lies in the past'),
  'token.end-far': row('BAD_INPUT', ({ scopes }: { scopes: readonly string[] }) => `a token with ${scopes.join(' or ')} must end within a year`),
  'token.end-or-networks': row(
    'BAD_INPUT',
    ({ scopes }: { scopes: readonly string[] }) => `a token with ${scopes.join(' or ')} must name its networks, or end within 90 days`,
  ),
  'token.owner': row('BAD_INPUT', (_: Nothing) => 'whose token it is has to be said'),

  'database.unknown': row('NOT_FOUND', ({ path }: { path: string }) => `there is no database: ${path}`),
  'database.replaced': row('STORE_UNAVAILABLE', ({ path }: { path: string }) => `${path} was replaced or removed while it was in use`),
  'database.no-store': row('STORE_DAMAGED', ({ place }: { place: string }) => `${place} holds no Mailwicket store`),
  'database.empty': row('NOT_FOUND', ({ place }: { place: string }) => `${place} holds no Mailwicket store`),
  'database.has-store': row('ALREADY_EXISTS', ({ place }: { place: string }) => `there is already a store: ${place}`),
  'database.no-file': row('BAD_INPUT', ({ place }: { place: string }) => `this needs a store that is a file, and it lies in ${place}`),
  'store.too-old': row(
    'STORE_TOO_OLD',
    ({ version, newest }: { version: number; newest: number }) => `the store has version ${version}, this Mailwicket needs version ${newest}`,
  ),
  'store.moved': row('STORE_MOVED', ({ to }: { to: string }) => `the store has moved to ${to}`),
  'store.incomplete': row('STORE_INCOMPLETE', ({ place }: { place: string }) => `a move into ${place} was begun and is not finished`),
  'move.other-store': row('ALREADY_EXISTS', ({ place }: { place: string }) => `${place} holds the beginning of a move of another store, or by another version`),
  'move.audit-differs': row('ALREADY_EXISTS', ({ place }: { place: string }) => `${place} holds entries of the audit that the store to be moved has not`),
  'move.taken-over': row('STORE_IN_USE', ({ place }: { place: string }) => `another command has taken over the move into ${place}`),
  'backup.unknown': row('NOT_FOUND', ({ file }: { file: string }) => `there is no file ${file}`),
  'backup.key': row('KEY_WRONG', ({ wrong }: { wrong: string }) => wrong),
  'rotation.disturbed': row('STORE_IN_USE', (_: Nothing) => 'values under an older key came back while the key was rotated, as by a restore'),
  'key-file.exposed': row('KEY_EXPOSED', ({ path, mode }: { path: string; mode: string }) => `${path} has mode ${mode}: others than its owner can use it`),

  'actor.gone': row('NOT_ALLOWED', ({ login }: { login: string }) => `${login} is blocked or gone`),
  'action.not-allowed': row('NOT_ALLOWED', ({ action }: { action: string }) => `not allowed: ${action}`),
  'thing.changed': row('CHANGED_MEANWHILE', ({ subject, by }: { subject: string; by: string | null; at: number | null; action: string | null }) =>
    by === null ? `${subject} was changed meanwhile` : `${by} changed ${subject} meanwhile`,
  ),
} as const

export type Reason = keyof typeof PROBLEMS
export type FactsOf<R extends Reason> = (typeof PROBLEMS)[R] extends ProblemRow<infer Facts> ? Facts : never
type Nothing = Readonly<Record<never, never>>

export class Problem<R extends Reason = Reason> extends MailwicketError {
  readonly reason: R
  readonly facts: FactsOf<R>

  constructor(reason: R, facts: FactsOf<R>, cause?: unknown) {
    const { code, sentence } = PROBLEMS[reason] as ProblemRow<FactsOf<R>>
    super(code, { message: sentence(facts), ...(cause === undefined ? {} : { cause }) })
    this.reason = reason
    this.facts = facts
  }
}

/** A problem whose facts follow from its reason: `switch (problem.reason)`. */
export type AnyProblem = { [R in Reason]: Problem<R> }[Reason]

export function isProblem(error: unknown): error is AnyProblem {
  return error instanceof Problem
}
