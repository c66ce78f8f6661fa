/**
 * What devices may send, as it was read a moment ago: a device that sends a message every millisecond asks the store four times a second, and a
 * right that is withdrawn is gone as soon as a session that is revoked.
 *
 * Terms with a limit a day are read anew each time: what was sent meanwhile may have moved from the ledger into the store, and would count nowhere.
 */
import type { DeviceId } from '../../../base/ids.ts'
import type { SendingTerms } from '../../../store/sending/sending-rows.ts'
import { LIMITS } from '../../limits.ts'

export class RecentTerms {
  readonly #read: (device: DeviceId) => Promise<SendingTerms>
  readonly #now: () => number
  /** All of one quarter of a second: they are forgotten together, so there are never more than devices that sent in it. */
  #known = new Map<DeviceId, SendingTerms>()
  #since = Number.NEGATIVE_INFINITY

  constructor(read: (device: DeviceId) => Promise<SendingTerms>, now: () => number = () => performance.now()) {
    this.#read = read
    this.#now = now
  }

  /** Throws STORE_UNAVAILABLE; a failure is not remembered. */
  async read(device: DeviceId): Promise<SendingTerms> {
    const now = this.#now()
    if (now - this.#since >= LIMITS.sendingTermsMs) {
      this.#known = new Map()
      this.#since = now
    }
    const known = this.#known
    const recent = known.get(device)
    if (recent !== undefined) return recent
    const terms = await this.#read(device)
    if (terms.rules.every(({ recipientsPerDay }) => recipientsPerDay === null)) known.set(device, terms)
    return terms
  }
}
