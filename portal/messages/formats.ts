/**
 * Times, numbers and lists as a reader writes them: by language and time zone, counted from the server's clock.
 *
 * A time that lies ahead where only the past makes sense (another node's clock runs fast) counts as now: never "in 3 seconds".
 */

export interface Formats {
  /** The moment from which the page counts, in milliseconds. */
  readonly now: number
  /** 1,248 */
  number(value: number): string
  /** Anna, Karim and Mina */
  list(items: readonly string[]): string
  /** 08:54 */
  time(at: number): string
  /** 31 Dec; with the year when it is another one. */
  day(at: number): string
  /** 26 December 2026 */
  longDay(at: number): string
  /** Thursday, 26 November */
  weekday(at: number): string
  /** today; yesterday; 21 Nov */
  nearDay(at: number): string
  /** today, 08:12; yesterday, 17:31; 21 Nov */
  moment(at: number): string
  /** today at 08:12; yesterday at 17:31; 21 Nov: in a sentence */
  momentAt(at: number): string
  /** 26 December */
  monthDay(at: number): string
  /** All of it, for a tool tip. */
  full(at: number): string
  /** 12 minutes ago; yesterday; 3 weeks ago */
  ago(at: number): string
  /** in 3 days; tomorrow */
  until(at: number): string
  /** How long ago, without a word around it: 12 min */
  shortAgo(at: number): string
  /** 4.2 MB */
  bytes(count: number): string
  /** 2026-12-31, for `<input type="date">` and in the reader's time zone. */
  isoDay(at: number): string
  /** Days between then and now, as the calendar counts them. */
  daysSince(at: number): number
}

const AT: Readonly<Record<string, string>> = { en: ' at ', fr: ' à ', de: ' um ' }
const LOCALES: Readonly<Record<string, string>> = { en: 'en-GB', fr: 'fr-FR', de: 'de-DE' }
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Readers of three languages in so many time zones; a formatter is some kilobytes and takes a tenth of a millisecond to make. */
const MOST_KEPT = 100
const kept = new Map<string, Formatters>()

type Formatters = ReturnType<typeof makeFormatters>

function formattersFor(language: string, timeZone: string): Formatters {
  const key = `${language} ${timeZone}`
  const known = kept.get(key)
  if (known !== undefined) return known
  if (kept.size >= MOST_KEPT) kept.clear()
  const made = makeFormatters(language, timeZone)
  kept.set(key, made)
  return made
}

function makeFormatters(language: string, timeZone: string) {
  const locale = LOCALES[language] ?? language
  const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { timeZone, ...options })
  const short = (unit: string) => new Intl.NumberFormat(language === 'en' ? 'en' : locale, { style: 'unit', unit, unitDisplay: 'short' })
  return {
    locale,
    numbers: new Intl.NumberFormat(locale),
    relative: new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }),
    exact: new Intl.RelativeTimeFormat(locale, { numeric: 'always' }),
    minutes: short('minute'),
    hours: short('hour'),
    days: short('day'),
    lists: new Intl.ListFormat(locale, { type: 'conjunction' }),
    clock: dates({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    dayMonth: dates({ day: 'numeric', month: 'short' }),
    dayMonthYear: dates({ day: 'numeric', month: 'short', year: 'numeric' }),
    monthDay: dates({ day: 'numeric', month: 'long' }),
    longDate: dates({ dateStyle: 'long' }),
    fullDate: dates({ dateStyle: 'full', timeStyle: 'long' }),
    weekdays: dates({ weekday: 'long', day: 'numeric', month: 'long' }),
    // Sweden writes dates as ISO does.
    iso: new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }),
  }
}

export function makeFormats({ language, timeZone, now }: { readonly language: string; readonly timeZone: string; readonly now: number }): Formats {
  const formatters = formattersFor(language, timeZone)
  const { locale, numbers, relative, exact, lists, clock, dayMonth, dayMonthYear, monthDay, longDate, fullDate, weekdays, iso } = formatters
  const dayNumber = (at: number) => Date.parse(iso.format(at)) / DAY
  const daysSince = (at: number) => dayNumber(now) - dayNumber(at)

  const distance = (at: number, format: Intl.RelativeTimeFormat): string => {
    const ms = at - now
    const size = Math.abs(ms)
    const by = (unit: number) => Math.trunc(ms / unit)
    if (size < MINUTE) return relative.format(0, 'second')
    if (size < HOUR) return format.format(by(MINUTE), 'minute')
    const days = -daysSince(at)
    if (Math.abs(days) < 1) return format.format(by(HOUR), 'hour')
    if (Math.abs(days) < 14) return format.format(days, 'day')
    if (Math.abs(days) < 60) return format.format(Math.trunc(days / 7), 'week')
    return Math.abs(days) < 730 ? format.format(Math.trunc(days / 30.5), 'month') : format.format(Math.trunc(days / 365), 'year')
  }
  const past = (at: number) => Math.min(at, now)
  const sameYear = (at: number) => iso.format(at).slice(0, 4) === iso.format(now).slice(0, 4)
  const day = (at: number) => (sameYear(at) ? dayMonth : dayMonthYear).format(at)
  const nearDay = (at: number) => (Math.abs(daysSince(at)) < 2 ? relative.format(-daysSince(at), 'day') : day(at))

  return {
    now,
    number: value => numbers.format(value),
    list: items => lists.format(items),
    time: at => clock.format(at),
    day,
    longDay: at => longDate.format(at),
    weekday: at => (Math.abs(daysSince(at)) < 2 ? `${relative.format(-daysSince(at), 'day')}, ${monthDay.format(at)}` : weekdays.format(at)),
    nearDay,
    moment: at => (Math.abs(daysSince(at)) < 2 ? `${nearDay(at)}, ${clock.format(at)}` : day(at)),
    momentAt: at => (Math.abs(daysSince(at)) < 2 ? `${nearDay(at)}${AT[language] ?? ', '}${clock.format(at)}` : day(at)),
    monthDay: at => monthDay.format(at),
    full: at => fullDate.format(at),
    ago: at => distance(past(at), daysSince(at) === 1 ? relative : exact),
    until: at => distance(at, relative),
    shortAgo: at => {
      const ms = now - past(at)
      if (ms < HOUR) return formatters.minutes.format(Math.max(1, Math.trunc(ms / MINUTE)))
      return ms < DAY ? formatters.hours.format(Math.trunc(ms / HOUR)) : formatters.days.format(Math.trunc(ms / DAY))
    },
    bytes: count => {
      const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']
      const step = Math.min(units.length - 1, count < 1 ? 0 : Math.trunc(Math.log10(count) / 3))
      const shown = count / 1000 ** step
      const format = new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: units[step] ?? 'byte',
        unitDisplay: step === 0 ? 'long' : 'short',
        maximumFractionDigits: shown < 10 && step > 0 ? 1 : 0,
      })
      return format.format(shown)
    },
    isoDay: at => iso.format(at),
    daysSince,
  }
}

/** The first letter as at the beginning of a sentence. */
export function capital(text: string): string {
  const [first = ''] = text
  return first.toLocaleUpperCase() + text.slice(first.length)
}
