/**
 * The commands that end things for good, one or several or those of standard input: all are looked for first, then asked for, then ended one by one.
 * One thing in the arguments is answered by one JSON object, several or `-` by an array.
 */
import type { Operator } from '../../management/actor.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { CommandContext } from './command-context.ts'
import { areWholeIds, confirm, type SureOptions } from './confirm.ts'
import { readRefs } from './read-refs.ts'
import { manage } from './store-access.ts'

export interface EndingKind<Found, Ended> {
  find(useCases: UseCaseContext, operator: Operator, ref: string): Promise<Found>
  /** Of one, and of several. */
  ask(found: readonly [Found, ...Found[]]): string
  /** What `end` will give, for `--dry-run`. */
  foresee(found: Found): Ended
  end(useCases: UseCaseContext, operator: Operator, found: Found): Promise<Ended>
  toJson(ended: Ended): unknown
  /** Lines that end in a newline. */
  format(ended: Ended): string
}

export async function endThings<Found, Ended>(
  context: CommandContext,
  given: readonly string[],
  options: SureOptions,
  kind: EndingKind<Found, Ended>,
): Promise<readonly Ended[]> {
  const refs = [...new Set(await readRefs(context, given))]
  const ended = await manage(context, async (useCases, operator) => {
    const all: Found[] = []
    for (const ref of refs) all.push(await kind.find(useCases, operator, ref))
    const [first, ...others] = all
    if (first === undefined) return []
    if (options.dryRun === true) return all.map(kind.foresee)
    const isSaid = areWholeIds(given) && context.terminal.stdin.isTTY !== true
    if (!isSaid) await confirm(context, kind.ask([first, ...others]), options)
    const ended: Ended[] = []
    for (const found of all) ended.push(await kind.end(useCases, operator, found))
    return ended
  })
  const isOne = given.length === 1 && given[0] !== '-'
  const values = ended.map(kind.toJson)
  context.answer(isOne ? values[0] : values, () => ended.map(one => kind.format(one)).join(''))
  if (options.dryRun === true) context.remark('Nothing was changed: this is what would have happened.')
  return options.dryRun === true ? [] : ended
}
