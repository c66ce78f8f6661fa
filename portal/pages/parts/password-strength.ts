/** Whether people try a password first. The one adapter of zxcvbn: loaded at the first password that somebody chooses, a quarter of a second of CPU at most. */

/** What is longer is strong enough by its length, and would cost more than it tells. */
const CHECKED_CHARACTERS = 64
/** Of 4: what is below is guessed in seconds. The page's own script draws the same line. */
const LEAST_SCORE = 2

let loaded: Promise<(text: string, own: readonly string[]) => number> | undefined

/** `own`: words that an attacker who knows the person tries. */
export async function isCommon(text: string, own: readonly string[]): Promise<boolean> {
  loaded ??= load()
  return (await loaded)(text.slice(0, CHECKED_CHARACTERS), own) < LEAST_SCORE
}

async function load() {
  const [{ ZxcvbnFactory }, common] = [await import('@zxcvbn-ts/core'), await import('@zxcvbn-ts/language-common')]
  const factory = new ZxcvbnFactory({ dictionary: { ...common.dictionary }, graphs: common.adjacencyGraphs })
  return (text: string, own: readonly string[]) => factory.check(text, [...own]).score
}
