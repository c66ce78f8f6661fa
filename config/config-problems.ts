/**
 * What is wrong with a configuration, in words: each problem names its key, what is there, what may be there,
 * and for an unknown key the nearest valid one. All problems of a file are one error.
 */
import type * as z from 'zod/mini'
import { MailwicketError } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import type { Key, Keys, Kind } from './config-kinds.ts'
import { SECTIONS } from './config-table.ts'

export interface Problem {
  /** Where: `hostname`, `listen[1].tls`; sections of one name are counted from 0. */
  readonly key: string
  /** What is wrong and what is allowed; continues the key. */
  readonly text: string
}

/** The one error for all `problems` of the file at `path`. */
export function configInvalid(path: string, problems: readonly Problem[]): MailwicketError {
  const head = `${path} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`
  const lines = problems.map(({ key, text }) => `  ${key}${ordinalOf(key)} ${text}`)
  return new MailwicketError('CONFIG_INVALID', { message: [head, ...lines].join('\n') })
}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth']

/** People count sections from one: "listen[1]" alone would send them to the wrong one. */
function ordinalOf(key: string): string {
  const [, name, index] = /^(\w+)\[(\d+)\]/.exec(key) ?? []
  if (name === undefined) return ''
  const ordinal = ORDINALS[Number(index)]
  return ordinal === undefined ? ` (in [[${name}]] number ${Number(index) + 1})` : ` (in the ${ordinal} [[${name}]])`
}

export interface ProblemPlace {
  /** The section's own key, as in `listen[1]`; empty for the top. */
  readonly prefix: string
  readonly keys: Keys
  /** Names that are valid there without being in `keys`: at the top those of the sections. */
  readonly otherNames: readonly string[]
}

/** Problems of one section, from what zod found in `section`. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], section: unknown, { prefix, keys, otherNames }: ProblemPlace): Problem[] {
  /** A misspelled key is one problem: that the right one is missing then goes without saying. */
  const misspelled = new Set<string>()
  const unknown = issues.flatMap(issue => {
    if (issue.code !== 'unrecognized_keys') return []
    const known = [...Object.keys(keysAt(keys, issue.path)), ...(issue.path.length === 0 ? otherNames : [])]
    return issue.keys.map(name => {
      const similar = nearest(asKey(name), known)
      if (similar !== undefined) misspelled.add(formatKey(prefix, [...issue.path, similar]))
      return {
        key: formatKey(prefix, [...issue.path, name]),
        text: `is an unknown key; ${similar === undefined ? adviceWithoutSimilar(name, known) : `did you mean "${similar}"?`}`,
      }
    })
  })
  const wrong = issues.flatMap(issue => {
    const value = valueAt(section, issue.path)
    const key = formatKey(prefix, issue.path)
    if (issue.code === 'unrecognized_keys' || (value === undefined && misspelled.has(key))) return []
    return [{ key, text: describeWrong(issue, kindAt(keys, issue.path), value) }]
  })
  return [...unknown, ...wrong]
}

function describeWrong(issue: z.core.$ZodIssue, kind: Kind<unknown> | undefined, value: unknown): string {
  const must = issue.code === 'custom' ? issue.message : `must be ${kind?.expects ?? 'something else'}`
  if (value === undefined) return `is missing; it ${must}`
  if (typeof value === 'string' && kind?.laterValues?.includes(value)) return `is "${value}", which is not in this version; it ${must}`
  const meant = typeof value === 'string' && kind?.values !== undefined ? nearest(asKey(value), kind.values) : undefined
  const advice = meant === undefined ? '' : `; did you mean "${meant}"?`
  return kind?.isSensitive ? `${must}${advice}` : `is ${formatValue(value)}, but ${must}${advice}`
}

/** A value as a person would recognise it, cut. */
function formatValue(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'a table'
  const written = JSON.stringify(value) ?? String(value)
  return written.length > 80 ? `${written.slice(0, 77)}…` : written
}

/** A key that resembles none of `known` may be one of another section: TOML gives a key to the last header above it. */
function adviceWithoutSimilar(name: string, known: readonly string[]): string {
  const allowed = `valid here: ${known.join(', ')}`
  const home = SECTIONS.find(section => Object.hasOwn(section.keys, name))
  return home === undefined ? allowed : `it belongs ${formatSectionName(home.name, home.form)}; ${allowed}`
}

function formatSectionName(name: string, form: string): string {
  if (form === 'top') return 'before the first section'
  return form === 'many' ? `in [[${name}]]` : form === 'single' ? `in [${name}]` : `in the table of ${name}`
}

/** As keys and values are written. */
function asKey(text: string): string {
  return text.replaceAll('-', '_')
}

function formatKey(prefix: string, path: readonly PropertyKey[]): string {
  let key = prefix
  for (const step of path) {
    if (typeof step === 'number') key += `[${step}]`
    else key += `${key === '' ? '' : '.'}${/^[\w-]+$/.test(String(step)) ? String(step) : JSON.stringify(step)}`
  }
  return key
}

function kindAt(keys: Keys, path: readonly PropertyKey[]): Kind<unknown> | undefined {
  let kind: Kind<unknown> | undefined
  let level: Keys | undefined = keys
  for (const step of path) {
    kind = typeof step === 'number' ? kind?.element : findKey(level, String(step))?.kind
    level = kind?.keys
  }
  return kind
}

function keysAt(keys: Keys, path: readonly PropertyKey[]): Keys {
  return path.length === 0 ? keys : (kindAt(keys, path)?.keys ?? {})
}

function findKey(keys: Keys | undefined, name: string): Key<unknown> | undefined {
  return keys !== undefined && Object.hasOwn(keys, name) ? keys[name] : undefined
}

function valueAt(section: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined),
    section,
  )
}
