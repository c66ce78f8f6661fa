/** What somebody probably meant who typed a word that is not there. */

/** The word of `candidates` that `word` is most likely a slip of, if there is one. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  let best: string | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    // One slip in a short word, more in a long one: "tsl" is "tls", but "smtp" is not "imap".
    const allowed = Math.min(fewest - 1, Math.max(1, Math.floor(candidate.length / 3)))
    if (Math.abs(candidate.length - lower.length) > allowed) continue
    const slips = editDistance(lower, candidate.toLowerCase())
    if (slips > allowed) continue
    best = candidate
    fewest = slips
  }
  return best ?? candidates.find(candidate => lower.length >= 4 && (candidate.toLowerCase().startsWith(lower) || lower.startsWith(candidate.toLowerCase())))
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replace = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swap = isSwap ? (beforeLast[column - 2] ?? 0) + 1 : replace
      current.push(Math.min(replace, swap, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}
