/** A number with its noun, as the language counts: French has 0 in the singular, and writes 1 248 where English writes 1,248. */

export type Count = (count: number, one: string, other: string) => string

export function countsIn(locale: string): Count {
  const rules = new Intl.PluralRules(locale)
  const numbers = new Intl.NumberFormat(locale)
  return (count, one, other) => (rules.select(count) === 'one' ? one : other).replace('#', numbers.format(count))
}
