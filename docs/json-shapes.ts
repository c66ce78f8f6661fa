/**
 * What every command prints under `--json`, as one table: docs/json.md is made from it, and the tests hold the output of every command that they run
 * against it (`expectShape`). A field is added here with the code that prints it; none is renamed or taken away.
 */
import { RIGHTS, TOKEN_SCOPES } from '../store/schema/rights-and-scopes.ts'

export type Shape =
  | { readonly is: 'text' | 'whole number' | 'yes or no' | 'time' | 'anything' }
  | { readonly oneOf: readonly string[] }
  | { readonly orNull: Shape }
  | { readonly list: Shape }
  | { readonly either: readonly Shape[] }
  | { readonly fields: Readonly<Record<string, Shape>> }

const text: Shape = { is: 'text' }
const count: Shape = { is: 'whole number' }
const flag: Shape = { is: 'yes or no' }
/** ISO 8601 in UTC with milliseconds. */
const time: Shape = { is: 'time' }
const anything: Shape = { is: 'anything' }
const oneOf = (...words: readonly string[]): Shape => ({ oneOf: words })
const orNull = (shape: Shape): Shape => ({ orNull: shape })
const list = (shape: Shape): Shape => ({ list: shape })
const fields = (all: Readonly<Record<string, Shape>>): Shape => ({ fields: all })

type Fields = Readonly<Record<string, Shape>>

const protocol = oneOf('imap', 'submission')
const scopes = list(oneOf('imap', 'smtp'))
const connection: Fields = { at: time, ip: text, protocol, app: orNull(text) }

const sending = fields({
  maySend: flag,
  senders: orNull(list(text)),
  checkFrom: flag,
  recipientsPerMessage: orNull(count),
  recipientsPerDay: orNull(count),
  sentToday: count,
})

const mailboxRow: Fields = {
  id: text,
  address: text,
  upstream: text,
  login: orNull(text),
  hasSecret: flag,
  state: oneOf('active', 'disabled'),
  createdAt: time,
  legacyPasswordUntil: orNull(time),
  devices: count,
}
const mailbox = fields({ ...mailboxRow, sending: orNull(sending) })

const deviceRow: Fields = {
  id: text,
  mailbox: text,
  mailboxState: oneOf('active', 'disabled'),
  name: text,
  state: oneOf('active', 'legacy', 'disabled', 'expired', 'revoked'),
  scopes,
  user: orNull(text),
  userState: orNull(oneOf('active', 'blocked')),
  expiresAt: orNull(time),
  lastConnection: orNull(fields(connection)),
  sessions: count,
}
const deviceFacts: Fields = {
  ...deviceRow,
  allowFrom: list(text),
  password: oneOf('generated', 'chosen', 'imported', 'legacy'),
  createdAt: time,
  passwordChangedAt: time,
  revokedAt: orNull(time),
  lastConnection: orNull(fields({ ...connection, tls: orNull(text), node: text })),
}
const device = fields({ ...deviceFacts, sending })
const settings = list(fields({ protocol, server: text, port: orNull(count), security: oneOf('implicit', 'starttls'), userName: text }))

const userRow: Fields = { login: text, name: orNull(text), state: oneOf('active', 'blocked'), maySend: flag, devices: count, createdAt: time, sending }
const invitation: Fields = {
  id: text,
  kind: oneOf('device', 'phone', 'start'),
  state: text,
  mailbox: orNull(text),
  user: orNull(text),
  device: orNull(text),
  name: orNull(text),
  scopes,
  expiresAt: orNull(time),
  allowFrom: list(text),
  mailTo: orNull(text),
  madeBy: text,
  createdAt: time,
  endsAt: time,
  closedAt: orNull(time),
  openedAt: orNull(time),
  opened: count,
}
const token: Fields = {
  id: text,
  name: text,
  beginning: text,
  user: text,
  scopes: list(oneOf(...TOKEN_SCOPES)),
  domains: list(text),
  allowFrom: list(text),
  createdAt: time,
  endsAt: orNull(time),
  usedAt: orNull(time),
  usedIp: orNull(text),
}
const access = fields({
  login: text,
  administrator: flag,
  manages: list(text),
  rights: list(fields({ mailbox: text, ...Object.fromEntries(RIGHTS.map(right => [right, flag])) })),
})
const fates = fields({ added: count, changed: count, unchanged: count })

/** One thing in the arguments, or several and `-`. */
const oneOrSeveral = (shape: Shape): Shape => ({ either: [shape, list(shape)] })

export interface CommandShape {
  /** Commands that print it, without their arguments; with options where these change it. The longest that fits a line is meant. */
  readonly commands: readonly string[]
  readonly shape: Shape
  readonly remark?: string
}

export const SHAPES: readonly CommandShape[] = [
  { commands: ['init'], shape: fields({ directory: text, hostname: text, files: anything }), remark: '`files`: what was written, by what it is for.' },
  { commands: ['check'], shape: list(fields({ check: text, status: oneOf('ok', 'warn', 'fail'), message: text, advice: orNull(text) })) },
  { commands: ['mailbox list'], shape: list(fields(mailboxRow)) },
  {
    commands: ['mailbox list --legacy'],
    shape: list(
      fields({
        address: text,
        state: text,
        legacyPasswordUntil: time,
        lastConnection: orNull(fields(connection)),
        sessions: count,
        devices: count,
      }),
    ),
  },
  { commands: ['mailbox add', 'mailbox show', 'mailbox set'], shape: mailbox, remark: '`senders`: null when any may be used.' },
  { commands: ['mailbox set --all-of'], shape: fields({ domain: text, mailboxes: count, changed: count, legacyPasswordUntil: orNull(time) }) },
  {
    commands: ['mailbox remove'],
    shape: oneOrSeveral(fields({ address: text, devices: count })),
    remark: 'An object for one address in the arguments, an array for several or `-`.',
  },
  { commands: ['device list'], shape: list(fields(deviceRow)), remark: '`state` is `legacy` for what stands for the migration password.' },
  {
    commands: ['device add'],
    shape: fields({
      ...{ id: text, mailbox: text, name: text, scopes, user: orNull(text), expiresAt: orNull(time), allowFrom: list(text), createdAt: time },
      ...{ password: text, settings },
    }),
    remark: 'The only place, with `device password`, where a password stands.',
  },
  { commands: ['device show', 'device rename', 'device set', 'device disable', 'device enable'], shape: device },
  { commands: ['device password'], shape: fields({ ...deviceFacts, password: text, settings }) },
  { commands: ['device revoke'], shape: list(fields(deviceFacts)), remark: 'With `--dry-run`: as they are now.' },
  { commands: ['user list'], shape: list(fields(userRow)) },
  {
    commands: ['user add', 'user show', 'user set', 'user block', 'user unblock'],
    shape: { either: [fields(userRow), fields({ ...userRow, startLink: orNull(text) })] },
    remark: '`startLink`: with `--admin` or `--manages` of `user add`; null without a portal.',
  },
  { commands: ['user remove'], shape: oneOrSeveral(fields({ login: text, unlinked: list(text) })), remark: 'As for `mailbox remove`.' },
  { commands: ['user rights'], shape: access },
  { commands: ['user reset-sign-in'], shape: fields({ login: text, startLink: text, endsAt: time }) },
  { commands: ['invite list'], shape: list(fields(invitation)) },
  { commands: ['invite add'], shape: fields({ ...invitation, link: orNull(text) }), remark: '`link`: null when it was mailed.' },
  { commands: ['invite revoke'], shape: oneOrSeveral(fields(invitation)), remark: 'As for `mailbox remove`.' },
  { commands: ['token list'], shape: list(fields(token)) },
  { commands: ['token add'], shape: fields({ ...token, token: text }) },
  { commands: ['token revoke'], shape: oneOrSeveral(fields(token)), remark: 'As for `mailbox remove`.' },
  {
    commands: ['session list'],
    shape: list(
      fields({
        ...{ id: text, node: text, device: text, mailbox: orNull(text), protocol, ip: text, app: orNull(text), since: time },
        ...{ bytesIn: count, bytesOut: count },
      }),
    ),
  },
  { commands: ['session kick'], shape: fields({ sessions: count }) },
  {
    commands: ['limits list'],
    shape: list(fields({ kind: text, block: orNull(text), address: orNull(text), failures: count, restriction: text, until: time })),
  },
  { commands: ['limits clear'], shape: fields({ cleared: count }) },
  {
    commands: ['activity'],
    shape: list(
      fields({
        ...{ at: time, firstAt: time, count, mailbox: text, device: orNull(text), deviceName: orNull(text), result: text },
        ...{ protocol, ip: text, app: orNull(text) },
      }),
    ),
    remark: 'With `--follow` one object a line.',
  },
  {
    commands: ['audit'],
    shape: list(
      fields({ id: count, at: time, actor: text, source: text, action: text, subject: text, subjectId: orNull(text), before: anything, after: anything }),
    ),
    remark: '`before` and `after`: what was changed, by name; null where there was nothing.',
  },
  { commands: ['dns'], shape: fields({ domain: text, records: list(fields({ name: text, type: text, ttl: count, value: text })) }) },
  { commands: ['key show'], shape: fields({ keyId: text, keyIds: list(text), source: anything, storeKeyId: text, rotating: flag }) },
  { commands: ['key rotate'], shape: fields({ from: text, to: text, resealed: count }) },
  { commands: ['backup'], shape: fields({ file: text, bytes: count, keyId: text }) },
  {
    commands: ['restore'],
    shape: fields({
      ...{ keptAs: orNull(text), keyId: text, revivedCount: count, keptOutCount: count, lostCount: count, movedBackCount: count },
      ...{ revived: list(text), keptOut: list(text), lost: list(text), movedBack: list(text) },
    }),
  },
  { commands: ['migrate'], shape: fields({ from: count, to: count }), remark: 'Versions of the store.' },
  { commands: ['migrate --to'], shape: fields({ from: text, to: text, rows: count, tables: list(fields({ table: text, rows: count })) }) },
  {
    commands: ['import'],
    shape: fields({
      ...{ file: text, dryRun: flag, nothingTaken: flag, rows: count, mailboxes: fates, devices: fates, usersAdded: count, withoutSecret: count },
      ...{ repeated: count, bad: count, passwords: anything, badRows: list(fields({ line: count, reason: text })) },
    }),
  },
  {
    commands: ['export'],
    shape: { either: [fields({ file: text, format: text, withHashes: flag, mailboxes: count, devices: count }), list(anything)] },
    remark: 'An object when a file was named; else the mailboxes, as `import` takes them.',
  },
  { commands: ['completion'], shape: fields({ shell: text, script: text }) },
]

export const ERROR_SHAPE: Shape = fields({ error: fields({ code: text, message: text, remedy: text }) })

/** What does not fit, and where; undefined: all does. Fields that the shape does not have do not fit either. */
export function misfit(shape: Shape, value: unknown, at = 'value'): string | undefined {
  if ('is' in shape) return fitsPlain(shape.is, value) ? undefined : `${at} is ${JSON.stringify(value)}, but should be ${shape.is}`
  if ('oneOf' in shape) return shape.oneOf.includes(value as string) ? undefined : `${at} is ${JSON.stringify(value)}, but should be one of ${shape.oneOf}`
  if ('orNull' in shape) return value === null ? undefined : misfit(shape.orNull, value, at)
  if ('list' in shape) {
    if (!Array.isArray(value)) return `${at} is no array`
    return value.map((one, place) => misfit(shape.list, one, `${at}[${place}]`)).find(wrong => wrong !== undefined)
  }
  if ('either' in shape) {
    const wrong = shape.either.map(one => misfit(one, value, at))
    return wrong.includes(undefined) ? undefined : wrong.join(', or ')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${at} is no object`
  const has = value as Readonly<Record<string, unknown>>
  const unknown = Object.keys(has).find(name => !Object.hasOwn(shape.fields, name))
  if (unknown !== undefined) return `${at}.${unknown} is not in docs/json-shapes.ts`
  for (const [name, field] of Object.entries(shape.fields)) {
    if (!Object.hasOwn(has, name)) return `${at}.${name} is missing`
    const wrong = misfit(field, has[name], `${at}.${name}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function fitsPlain(is: 'text' | 'whole number' | 'yes or no' | 'time' | 'anything', value: unknown): boolean {
  if (is === 'text') return typeof value === 'string'
  if (is === 'whole number') return Number.isSafeInteger(value)
  if (is === 'yes or no') return typeof value === 'boolean'
  return is === 'anything' || (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value))
}

/** The shape of what `args` print; undefined: none of a command of ours. */
export function findShape(args: readonly string[]): CommandShape | undefined {
  const config = args.indexOf('--config')
  const words = config < 0 ? args : args.toSpliced(config, 2)
  const names = words.filter(word => !word.startsWith('-'))
  const fits = (command: string) => {
    const [path, option] = command.split(' --')
    return path?.split(' ').every((word, at) => names[at] === word) === true && (option === undefined || words.includes(`--${option}`))
  }
  const found = SHAPES.flatMap(one => one.commands.filter(fits).map(command => ({ one, length: command.length })))
  return found.sort((a, b) => b.length - a.length)[0]?.one
}

/** Throws what does not fit in the JSON that a command printed. */
export function expectShape(args: readonly string[], printed: string): void {
  const found = findShape(args)
  if (found === undefined || args.includes('--follow') || args.includes('--jsonl')) return
  const wrong = misfit(found.shape, JSON.parse(printed))
  if (wrong !== undefined) throw new Error(`mailwicket ${args.join(' ')}: ${wrong}`)
}
