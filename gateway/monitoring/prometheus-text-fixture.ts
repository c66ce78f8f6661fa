/**
 * A strict reader of the text format of Prometheus (version 0.0.4): what it takes, every scraper takes.
 * Beyond the grammar it demands what the format asks for: HELP and TYPE once and first, no series twice, buckets that grow and agree with their count.
 */

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: Sample[]
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const VALUE = /^(?:[-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf)|NaN)$/i

export class PrometheusText {
  readonly families: ReadonlyMap<string, Family>

  /** Throws on whatever is not the format, with the line. */
  constructor(text: string) {
    this.families = readFamilies(text)
    const seen = new Set<string>()
    for (const { samples } of this.families.values())
      for (const { name, labels } of samples) {
        const series = `${name}${JSON.stringify(Object.entries(labels).sort())}`
        if (seen.has(series)) throw new Error(`twice: ${series}`)
        seen.add(series)
      }
    for (const family of this.families.values()) if (family.type === 'histogram') checkHistogram(family)
  }

  /** The sum of all series of this name that have these labels; undefined when there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const found = this.samples(name).filter(sample => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0)
  }

  samples(name: string): Sample[] {
    return [...this.families.values()].flatMap(({ samples }) => samples.filter(sample => sample.name === name))
  }
}

function readFamilies(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family>()
  let help: { name: string; text: string } | undefined
  let current: Family | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (line === '') continue
    if (line.startsWith('#') && keyword === undefined) fail('neither HELP nor TYPE')
    if (keyword === 'HELP') {
      if (families.has(name)) fail('a second time')
      help = { name, text: rest }
    } else if (keyword === 'TYPE') {
      if (!METRIC_NAME.test(name) || help?.name !== name) fail('TYPE without its HELP')
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) fail('no such type')
      current = { name, help: help?.text ?? '', type: rest, samples: [] }
      families.set(name, current)
    } else {
      const sample = readSample(line)
      if (current === undefined || !belongs(sample, current)) fail('a sample that is not of the family above')
      current?.samples.push(sample)
    }
  }
  return families
}

function belongs({ name, labels }: Sample, family: Family): boolean {
  if (family.type !== 'histogram') return name === family.name
  return name === `${family.name}_bucket` ? labels.le !== undefined : name === `${family.name}_sum` || name === `${family.name}_count`
}

function readSample(line: string): Sample {
  const [, name = '', labelText, value = ''] = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  if (!METRIC_NAME.test(name) || !VALUE.test(value)) throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  let rest = labelText ?? ''
  while (rest !== '') {
    const [whole = '', label = '', escaped = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?!$)|$)/.exec(rest) ?? []
    if (whole === '' || Object.hasOwn(labels, label)) throw new Error(`wrong labels: ${line}`)
    labels[label] = escaped.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
    rest = rest.slice(whole.length)
  }
  return { name, labels, value: Number(value.replace(/Inf$/i, 'Infinity')) }
}

function checkHistogram({ name, samples }: Family): void {
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, ofOne] of series) {
    const buckets = ofOne.filter(sample => sample.name === `${name}_bucket`)
    const count = ofOne.find(sample => sample.name === `${name}_count`)?.value
    if (buckets.at(-1)?.labels.le !== '+Inf' || buckets.at(-1)?.value !== count) throw new Error(`${name}${key}: +Inf is not the count`)
    if (!ofOne.some(sample => sample.name === `${name}_sum`)) throw new Error(`${name}${key}: no sum`)
    for (const [at, { labels, value }] of buckets.entries()) {
      const before = buckets[at - 1]
      if (before === undefined) continue
      const grows = Number(before.labels.le) < (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)) && before.value <= value
      if (!grows) throw new Error(`${name}${key}: the buckets do not grow at ${labels.le}`)
    }
  }
}
