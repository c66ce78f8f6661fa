/**
 * What the configuration may say but this version cannot do yet: `serve` refuses to start with it, it is never ignored.
 * The `later` notes of `config-table.ts` say the same to readers of the documentation; a test compares the two.
 */
import type { Config } from './config.ts'
import { configInvalid, type Problem } from './config-problems.ts'

/** Throws CONFIG_INVALID that names every key which this version cannot serve. */
export function refuseUnavailable(config: Config): void {
  const problems = findUnavailable(config)
  if (problems.length > 0) throw configInvalid(config.path, problems)
}

function findUnavailable({ portal }: Config): Problem[] {
  const problems: Problem[] = []
  const report = (key: string, text: string) => problems.push({ key, text: `${text}; remove it to start` })
  if (portal !== undefined) report('portal', 'is set, but this version has no web pages')
  return problems
}
