/** What stands beside the mail services: counted a step at a time, so that other pages go on meanwhile, and kept for a while. */
import { setImmediate as othersFirst } from 'node:timers/promises'
import type { DeviceId } from '../../../base/ids.ts'
import { mailboxesOf } from '../../../management/within.ts'
import { type DomainPlace, type DomainSums, NO_DEVICES, type SumsOfDomain } from '../../../store/accounts/domain-sums.ts'
import type { ServicesModel } from '../../views/mailboxes/services-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { KeptCounts } from '../parts/kept-counts.ts'

export type SumsByDomain = ReadonlyMap<string, DomainSums>

const DAY_MS = 86_400_000
const QUIET_MS = 90 * DAY_MS
const SOON_MS = 7 * DAY_MS
const kept = new KeptCounts<SumsByDomain>()

/** Of all domains that there are. */
export function readDomainSums(request: SignedInRequest): Promise<SumsByDomain> {
  return kept.read(request.services.store, 'all', request.page.formats.now, () => countInSteps(request))
}

async function countInSteps({ services, actor, page }: SignedInRequest): Promise<SumsByDomain> {
  const { mailboxes } = services.store.as({ name: actor.login, source: actor.source })
  const { now } = page.formats
  const all = new Map<string, DomainSums>()
  let after: DomainPlace | undefined
  for (;;) {
    const { sums, next } = await mailboxes.sumDomains({ after, quietSince: now - QUIET_MS, endsBefore: now + SOON_MS })
    addAll(all, sums)
    if (next === null) break
    after = next
    await othersFirst()
  }
  let connected: DeviceId | undefined
  for (;;) {
    const { sums, next } = await mailboxes.sumConnected(connected)
    addAll(all, sums)
    if (next === null) return all
    connected = next
    await othersFirst()
  }
}

function addAll(all: Map<string, DomainSums>, sums: readonly SumsOfDomain[]): void {
  for (const one of sums) all.set(one.domain, add(all.get(one.domain) ?? NO_DEVICES, one))
}

function add(one: DomainSums, other: DomainSums): DomainSums {
  return {
    devices: one.devices + other.devices,
    connected: one.connected + other.connected,
    quiet: one.quiet + other.quiet,
    endSoon: one.endSoon + other.endSoon,
    lastConnectionAt: Math.max(one.lastConnectionAt ?? 0, other.lastConnectionAt ?? 0) || null,
  }
}

/** Within the reader's reach. */
export async function totalOf({ services, reach, actor, page }: SignedInRequest, byDomain: SumsByDomain): Promise<ServicesModel['sums']> {
  const { devices } = services.store.as({ name: actor.login, source: actor.source })
  const { now } = page.formats
  const within = mailboxesOf(reach, 'mailbox.view')
  const domains = within === undefined ? [...byDomain.values()] : (within.domains ?? []).map(domain => byDomain.get(domain) ?? NO_DEVICES)
  const { connected, ...total } = domains.reduce(add, NO_DEVICES)
  const { addresses = [] } = within ?? {}
  if (addresses.length === 0) return { ...total, connectedNow: connected }
  const others = { addresses }
  return {
    connectedNow: connected + (await devices.count({ within: others, isConnected: true })),
    devices: total.devices + (await devices.count({ within: others })),
    quiet: total.quiet + (await devices.count({ within: others, unusedSince: now - QUIET_MS })),
    endSoon: total.endSoon + (await devices.count({ within: others, endsBefore: now + SOON_MS })),
  }
}
