/** The sums at the top of the mail services, kept for a minute: over hundreds of thousands of devices they cost half a second. */
import { mailboxesOf } from '../../../management/within.ts'
import type { ServicesModel } from '../../views/mailboxes/services-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'

type Sums = ServicesModel['sums']
const KEPT_MS = 60_000
const DAY_MS = 86_400_000
const MOST_KEPT = 1_000

/** By store, so that tests share nothing; by reach, so that nobody sees another's. */
const kept = new WeakMap<object, Map<string, { readonly at: number; readonly sums: Promise<Sums> }>>()

export function sumsOf(request: SignedInRequest): Promise<Sums> {
  const { services, reach, page } = request
  const within = mailboxesOf(reach, 'mailbox.view')
  const key = within === undefined ? 'all' : JSON.stringify([within.domains, within.addresses])
  const known = kept.get(services.store) ?? new Map()
  kept.set(services.store, known)
  const found = known.get(key)
  const { now } = page.formats
  if (found !== undefined && found.at <= now && now - found.at < KEPT_MS) return found.sums
  const sums = count(request, within)
  if (known.size >= MOST_KEPT) known.clear()
  known.set(key, { at: now, sums })
  // A failure is not kept.
  sums.catch(() => known.delete(key))
  return sums
}

async function count({ services, actor, page }: SignedInRequest, within: ReturnType<typeof mailboxesOf>): Promise<Sums> {
  const { devices } = services.store.as({ name: actor.login, source: actor.source })
  const { now } = page.formats
  return {
    connectedNow: await devices.count({ within, isConnected: true }),
    devices: await devices.count({ within }),
    quiet: await devices.count({ within, unusedSince: now - 90 * DAY_MS }),
    endSoon: await devices.count({ within, endsBefore: now + 7 * DAY_MS }),
  }
}
