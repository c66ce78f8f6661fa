/**
 * The connections that are not logged in, of all listeners: how many there may be, in all and of one address block.
 *
 * Above a cap the oldest gives way to the newest. Silent connections are old and apps log in at once, so a flood that never speaks
 * throws out itself. SECURITY: refusing the newest would let whoever came first lock out everybody.
 */
import { LIMITS } from '../limits.ts'

export interface Place {
  /** Tells the connection to go; `false`: it is on its way in, and somebody else has to go. */
  giveWay: () => boolean
  leave(): void
}

interface Caps {
  readonly inAll: number
  readonly perBlock: number
}

export class Unauthenticated {
  readonly #caps: Caps
  readonly #places = new Set<Place>()
  readonly #blocks = new Map<string, Set<Place>>()

  constructor(caps: Caps = { inAll: LIMITS.unauthenticatedConnections, perBlock: LIMITS.unauthenticatedPerBlock }) {
    this.#caps = caps
  }

  get size(): number {
    return this.#places.size
  }

  /** `block`: undefined where the cap of blocks does not hold. */
  enter(block: string | undefined, giveWay: () => boolean): Place {
    const place: Place = { giveWay, leave: () => this.#remove(place, block) }
    if (this.#places.size >= this.#caps.inAll) makeRoom(this.#places)
    this.#places.add(place)
    if (block !== undefined) {
      const ofBlock = this.#blocks.get(block) ?? new Set()
      if (ofBlock.size >= this.#caps.perBlock) makeRoom(ofBlock)
      this.#blocks.set(block, ofBlock.add(place))
    }
    return place
  }

  #remove(place: Place, block: string | undefined): void {
    this.#places.delete(place)
    if (block === undefined) return
    const ofBlock = this.#blocks.get(block)
    ofBlock?.delete(place)
    if (ofBlock?.size === 0) this.#blocks.delete(block)
  }
}

/** Sets keep the order of arrival. */
function makeRoom(places: Set<Place>): void {
  for (const place of places) if (place.giveWay()) return place.leave()
}
