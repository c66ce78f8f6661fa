/**
 * The kinds of value that a configuration key can have: how each is checked (zod), described in docs and asked for in a message.
 *
 * A kind's schema turns the value of the file into the value of the program ("[::]:993" into host and port).
 * Messages of a schema continue the sentence "KEY …": they begin with "must".
 */
import * as z from 'zod/mini'
import { parseAddress } from '../base/address.ts'
import type { Endpoint } from '../base/network.ts'
import { findHostName, formatCidr, parseCidr, parseEndpoint } from '../base/network.ts'
import { parseStoreUrl, type StoreUrl } from './store-url.ts'

export interface Kind<Value> {
  readonly schema: z.ZodMiniType<Value, unknown>
  /** As the documentation names it. */
  readonly name: string
  /** Continues "must be". */
  readonly expects: string
  /** The only values, where there is a list of them. */
  readonly values?: readonly string[]
  /** Values that the design knows and this version does not. */
  readonly laterValues?: readonly string[]
  /** For an array: the kind of its elements. */
  readonly element?: Kind<unknown>
  /** For an inline table: its keys. */
  readonly keys?: Keys
  /** The value may hold a password: it is not repeated in messages. */
  readonly isSensitive?: boolean
}

/** One key of the file. */
export interface Key<Value> extends KeyFacts {
  readonly kind: Kind<unknown>
  readonly schema: z.ZodMiniType<Value, unknown>
  readonly presence: 'required' | 'optional'
  /** The default as it would be written in the file. */
  readonly fallback: string | undefined
}

export interface KeyFacts {
  readonly meaning: string
  /** A value as it is written in the file. */
  readonly example: string
}

export type Keys = Readonly<Record<string, Key<unknown>>>
export type ValuesOf<SomeKeys extends Keys> = { readonly [Name in keyof SomeKeys]: SomeKeys[Name] extends Key<infer Value> ? Value : never }

export function required<Value>(kind: Kind<Value>, facts: KeyFacts): Key<Value> {
  return { ...facts, kind, schema: kind.schema, presence: 'required', fallback: undefined }
}

export function optional<Value>(kind: Kind<Value>, facts: KeyFacts): Key<Value | undefined> {
  return { ...facts, kind, schema: z.optional(kind.schema) as z.ZodMiniType<Value | undefined, unknown>, presence: 'optional', fallback: undefined }
}

/** `fallback` is what the file would have to say. */
export function withDefault<Value>(kind: Kind<Value>, fallback: string | number | boolean | readonly string[], facts: KeyFacts): Key<Value> {
  return { ...facts, kind, schema: z.prefault(kind.schema, () => fallback), presence: 'optional', fallback: JSON.stringify(fallback) }
}

/** A schema that refuses every key it does not know. */
export function strictSchemaOf<SomeKeys extends Keys>(keys: SomeKeys): z.ZodMiniType<ValuesOf<SomeKeys>, unknown> {
  const shape = Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, key.schema]))
  return z.strictObject(shape) as unknown as z.ZodMiniType<ValuesOf<SomeKeys>, unknown>
}

export function inlineTable<SomeKeys extends Keys>(keys: SomeKeys, example: string): Kind<ValuesOf<SomeKeys>> {
  return { name: 'table', expects: `a table such as ${example}`, schema: strictSchemaOf(keys), keys }
}

export function oneOf<const Value extends string>(values: readonly Value[], laterValues: readonly string[] = []): Kind<Value> {
  const listed = values.map(value => `"${value}"`)
  return {
    name: 'one of',
    expects: listed.length === 2 ? `${listed.join(' or ')}` : `one of ${listed.join(', ')}`,
    schema: z.enum(values as Value[]),
    values,
    laterValues,
  }
}

/** Text that `read` turns into a value; its error message begins with "must". */
function readText<Value>(read: (text: string) => Value): z.ZodMiniType<Value, unknown> {
  const transform = z.transform((text: string, context: { issues: unknown[] }): Value => {
    try {
      return read(text)
    } catch (error) {
      context.issues.push({ code: 'custom', message: (error as Error).message, input: text })
      return z.NEVER
    }
  })
  return z.pipe(z.string(), transform) as unknown as z.ZodMiniType<Value, unknown>
}

function listOf<Value>(element: Kind<Value>, name: string, expects: string, schema: z.ZodMiniType<Value[], unknown>): Kind<readonly Value[]> {
  return { name, expects, element, schema: schema as unknown as z.ZodMiniType<readonly Value[], unknown> }
}

export const flag: Kind<boolean> = { name: 'true or false', expects: 'true or false', schema: z.boolean() }

export const count: Kind<number> = {
  name: 'number',
  expects: 'a whole number from 1 to 1000000',
  schema: z.int().check(z.minimum(1), z.maximum(1_000_000)),
}

/** A time in whole seconds; the upper end keeps a slip (milliseconds, for example) from being taken for one. */
export const seconds: Kind<number> = {
  name: 'seconds',
  expects: 'a whole number of seconds from 0 to 3600',
  schema: z.int().check(z.minimum(0), z.maximum(3600)),
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }
const LONGEST_MS = 24 * 3_600_000

/** In milliseconds. */
export const duration: Kind<number> = {
  name: 'duration',
  expects: 'a duration from "1s" to "24h", such as "10m"',
  schema: readText(value => {
    const [, count, unit = ''] = /^(\d{1,6})([smh])$/.exec(value) ?? []
    const ms = Number(count) * (UNIT_MS[unit] ?? Number.NaN)
    if (!(ms > 0 && ms <= LONGEST_MS)) throw new Error('must be a duration from "1s" to "24h", such as "10m"')
    return ms
  }),
}

export const workerCount: Kind<'auto' | number> = {
  name: '`"auto"` or number',
  expects: '"auto" or a whole number from 1 to 256',
  schema: z.union([z.literal('auto'), z.int().check(z.minimum(1), z.maximum(256))]),
}

export const text: Kind<string> = {
  name: 'text',
  expects: 'text in quotes, not empty',
  schema: readText(value => {
    if (value === '') throw new Error('must not be empty')
    if (/\p{Cc}/u.test(value)) throw new Error('must not contain control characters')
    return value
  }),
}

export const path: Kind<string> = {
  name: 'path',
  expects: 'a path in quotes',
  schema: readText(value => {
    if (value === '' || value.includes('\0')) throw new Error('must be a path, not empty')
    return value
  }),
}

export const hostName: Kind<string> = {
  name: 'host name',
  expects: 'a host name such as "mail.example.com"',
  schema: readText(value => {
    const found = findHostName(value)
    if (found === undefined) throw new Error('must be a host name such as "mail.example.com"')
    return found
  }),
}

const domain: Kind<string> = {
  name: 'domain',
  expects: 'a domain such as "example.com"',
  schema: readText(value => {
    const found = findHostName(value)
    if (found === undefined)
      throw new Error(value.includes('@') ? 'must be the part after the "@" only, such as "example.com"' : 'must be a domain such as "example.com"')
    return found
  }),
}

export const domains = listOf(domain, 'list of domains', 'a list such as ["example.com"]', z.array(domain.schema))

const network: Kind<string> = { name: 'network', expects: 'a network such as "10.0.0.0/8"', schema: readText(value => formatCidr(parseCidr(value))) }

export const networks = listOf(
  network,
  'list of networks',
  'a list of networks such as ["10.0.0.0/8"], not empty',
  z.array(network.schema).check(z.minLength(1)),
)

/** Where to listen; port 0 picks a free one. */
export const listenAddress: Kind<Endpoint> = {
  name: 'address',
  expects: 'an address and a port such as "0.0.0.0:993" or "[::]:993"',
  schema: readText(parseEndpoint),
}

/** Where to connect to. */
export const remoteAddress: Kind<Endpoint> = {
  name: 'address',
  expects: 'a host and a port such as "imap.internal:993"',
  schema: readText(value => {
    const endpoint = parseEndpoint(value)
    if (endpoint.port === 0) throw new Error('must have a port from 1 to 65535')
    return endpoint
  }),
}

/** Scheme, host and port; the value has no slash at its end. */
export const webOrigin: Kind<string> = {
  name: 'URL',
  expects: 'a URL such as "https://devices.example.com"',
  schema: readText(value => {
    if (!/^https?:\/\/[^\s@]+$/i.test(value) || !URL.canParse(value)) throw new Error('must be a URL such as "https://devices.example.com"')
    const url = new URL(value)
    // Cookies, passkeys and links are for a whole host.
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw new Error('must be a URL without a path, such as "https://devices.example.com"')
    return url.origin
  }),
}

export const mailAddress: Kind<string> = {
  name: 'e-mail address',
  expects: 'an e-mail address such as "devices@example.com"',
  schema: readText(value => {
    try {
      return parseAddress(value)
    } catch {
      throw new Error('must be an e-mail address such as "devices@example.com"')
    }
  }),
}

/** `sqlite:PATH` or `postgres://…`. */
export const storeUrl: Kind<StoreUrl> = {
  name: 'URL',
  expects: '"sqlite:PATH" or "postgres://USER@HOST/DATABASE"',
  isSensitive: true,
  schema: readText(parseStoreUrl),
}

/** Stands between two logins: nothing that addresses are made of. */
export const separator: Kind<string> = {
  name: 'text',
  expects: 'one to eight characters such as "*"',
  schema: readText(value => {
    if (!/^[!-/:-?[-`{-~]{1,8}$/.test(value)) throw new Error('must be one to eight characters, none of them a letter, a digit, a space or "@", such as "*"')
    return value
  }),
}
