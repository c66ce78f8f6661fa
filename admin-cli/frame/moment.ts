/**
 * Durations and dates as people type them, and times as people like to read them.
 * JSON output never uses the readable forms: there a time is always ISO 8601 in UTC.
 */
import { MailwicketError } from '../../base/errors.ts'
import { formatIso } from '../../base/iso-time.ts'

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const

/** The end of the year 9999: later times have no four-digit ISO form. */
const LAST_MOMENT = Date.UTC(10_000, 0, 1) - 1

const DURATION = /^(\d{1,9})\s*([smhdw])$/i
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const DATE_AND_TIME = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** `90d` → milliseconds; undefined when the text is no duration. */
function findDuration(text: string): number | undefined {
  const match = DURATION.exec(text.trim())
  if (match === null) return undefined
  return Number(match[1]) * UNIT_MS[(match[2] as string).toLowerCase() as keyof typeof UNIT_MS]
}

/** A duration of at least one unit, in milliseconds: `30s`, `15m`, `12h`, `7d`, `2w`. `option` names it in the error. Throws BAD_INPUT. */
export function parseDuration(text: string, option: string): number {
  const ms = findDuration(text)
  if (ms === undefined || ms === 0) throw notUsable(text, option, 'Give a number and a unit: 30s, 15m, 12h, 7d or 2w.')
  return ms
}

type DayEnd = 'start' | 'end'

function findDate(text: string, bareDate: DayEnd): number | undefined {
  const value = text.trim()
  const day = DATE.exec(value) ?? DATE_AND_TIME.exec(value)
  if (day === null) return undefined
  const [, year = '', month = '', date = ''] = day
  // JavaScript turns 30 February into 2 March; a person who typed it meant something else.
  const midnight = new Date(`${year}-${month}-${date}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== `${year}-${month}-${date}`) return undefined
  if (DATE.test(value)) return midnight.getTime() + (bareDate === 'end' ? UNIT_MS.d - 1 : 0)
  const zone = day[7] === undefined ? 'Z' : ''
  const moment = Date.parse(value.replace(' ', 'T').toUpperCase() + zone)
  return Number.isNaN(moment) ? undefined : moment
}

/** An ISO date or time, also a past one; a bare date is the end of that day in UTC. Undefined: it is none. */
export function findEnd(text: string): number | undefined {
  const moment = findDate(text, 'end')
  return moment === undefined || moment > LAST_MOMENT ? undefined : moment
}

/** When something ends: a duration from `now`, or an ISO date or time; a bare date is the end of that day in UTC. Throws BAD_INPUT, also for the past. */
export function parseExpiry(text: string, now: number, option: string): number {
  const duration = findDuration(text)
  const moment = duration === undefined ? findDate(text, 'end') : duration === 0 ? undefined : now + duration
  if (moment === undefined || moment > LAST_MOMENT) {
    throw notUsable(text, option, 'Give a duration (7d, 12h, 2w) or a date (2027-01-31, 2027-01-31T18:00Z); a bare date means the end of that day in UTC.')
  }
  if (moment <= now) throw notUsable(text, option, `That is in the past (${formatIso(moment)}). Give a time that is still to come.`)
  return moment
}

/** A time in the past: a duration back from `now`, or an ISO date or time; a bare date is the start of that day in UTC. Throws BAD_INPUT. */
export function parseSince(text: string, now: number, option: string): number {
  const duration = findDuration(text)
  const moment = duration === undefined ? findDate(text, 'start') : now - duration
  if (moment === undefined || moment < 0) throw notUsable(text, option, 'Give a duration back from now (2h, 7d) or a date (2027-01-31, 2027-01-31T18:00Z).')
  return moment
}

function notUsable(text: string, option: string, remedy: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', { message: `${option}: “${text.slice(0, 60)}” is not usable.`, remedy })
}

/** `3 min ago`, `in 7 d`, `just now`; further than 60 days away: the date. */
export function formatRelative(moment: number, now: number): string {
  const distance = Math.abs(now - moment)
  if (distance > 60 * UNIT_MS.d) return formatIso(moment).slice(0, 10)
  if (distance < 5000) return 'just now'
  const amount = formatDuration(distance)
  return moment <= now ? `${amount} ago` : `in ${amount}`
}

/** An end for a person: the date, and how far away it is where that says more. */
export function formatEnd(moment: number, now: number): string {
  const [date, distance] = [formatIso(moment).slice(0, 16).replace('T', ' '), formatRelative(moment, now)]
  return `${date} UTC${date.startsWith(distance) ? '' : ` (${distance})`}`
}

/** The largest unit that fits, to the nearest whole: `42 s`, `3 min`, `5 h`, `12 d`. */
export function formatDuration(ms: number): string {
  if (ms < UNIT_MS.m) return `${Math.round(ms / UNIT_MS.s)} s`
  if (ms < UNIT_MS.h) return `${Math.round(ms / UNIT_MS.m)} min`
  if (ms < 2 * UNIT_MS.d) return `${Math.round(ms / UNIT_MS.h)} h`
  return `${Math.round(ms / UNIT_MS.d)} d`
}

/** `1.4 MB`, in powers of 1000 as mail apps count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value.toFixed(1)} ${units[unit]}`
}
