/**
 * Counts that hold for all gateway processes of a machine: sessions of a device, recipients on their way, logins that wait for an upstream.
 *
 * Each process changes its own at once and hears of the others' changes a moment later, so a cap can be passed by what began within that moment
 * in the other processes (docs/processes.md). A process alone has a map, and nothing else.
 */
export type CountChange = readonly [key: string, change: number]

export class MachineCounts {
  readonly #counts = new Map<string, number>()
  readonly #onChange: ((change: CountChange) => void) | undefined
  readonly #onRoom: (() => void)[] = []

  /** `onChange`: tells the others. */
  constructor(onChange?: (change: CountChange) => void) {
    this.#onChange = onChange
  }

  /** Of all processes. */
  count(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: string, change: number): void {
    addCount(this.#counts, [key, change])
    this.#onChange?.([key, change])
  }

  /** Changes of the others. */
  hear(changes: readonly CountChange[]): void {
    for (const change of changes) addCount(this.#counts, change)
    if (changes.some(([, change]) => change < 0)) for (const tell of this.#onRoom) tell()
  }

  /** `tell` is called when others need less. */
  onRoom(tell: () => void): void {
    this.#onRoom.push(tell)
  }
}

/** What comes to nothing is not kept. */
export function addCount(counts: Map<string, number>, [key, change]: CountChange): void {
  const count = (counts.get(key) ?? 0) + change
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
