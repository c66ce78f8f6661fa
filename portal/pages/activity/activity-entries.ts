/** Attempts as lines of the activity: new networks and apps stand out, many refusals from one network are one line. */
import { blockOf } from '../../../base/network.ts'
import type { Activity } from '../../../store/history/activity.ts'
import { links, withQuery } from '../../links.ts'
import type { ActivityEntry } from '../../views/activity/activity-rows.ts'
import { OK } from './activity-filters.ts'

/** From one network, of no device: so many are one line. */
const MANY = 3

/** What is kept of a device's earlier connections, to know the new ones. */
export class Known {
  readonly #networks = new Map<string, Set<string>>()
  readonly #apps = new Map<string, Set<string>>()

  /** The oldest first. The first connection of all is nothing new: it is the first. */
  note({ device, ip, app }: Activity): 'connected' | 'new-network' | 'new-app' {
    if (device === null) return 'connected'
    const isNewNetwork = isNew(this.#networks, device, blockOf(ip))
    const isNewApp = app !== null && isNew(this.#apps, device, app)
    return isNewNetwork ? 'new-network' : isNewApp ? 'new-app' : 'connected'
  }
}

/** Something is new where others are known. */
function isNew(known: Map<string, Set<string>>, device: string, what: string): boolean {
  const before = known.get(device)
  if (before === undefined) known.set(device, new Set([what]))
  if (before === undefined || before.has(what)) return false
  before.add(what)
  return true
}

export function toEntry(row: Activity, kind: 'connected' | 'new-network' | 'new-app'): ActivityEntry {
  const { at, firstAt, count, address, device, deviceName, app, ip, result } = row
  const entry = {
    at,
    count,
    ...(count > 1 && { firstAt }),
    mailbox: address,
    device: deviceName,
    href: device === null || deviceName === null ? undefined : links.device(address, device),
    app,
    ip,
  }
  return result === OK ? { kind, ...entry } : { kind: 'refused', ...entry, reason: result }
}

/** Refusals of one network on a page, of no known device, as one line at the place of the latest. The newest first. */
export function groupRefusals(rows: readonly Activity[], kindOf: (row: Activity) => 'connected' | 'new-network' | 'new-app'): ActivityEntry[] {
  const blocks = new Map<string, Activity[]>()
  for (const row of rows) if (row.result !== OK && row.device === null) blocks.set(blockOf(row.ip), [...(blocks.get(blockOf(row.ip)) ?? []), row])
  return rows.flatMap(row => {
    const block = blockOf(row.ip)
    const together = row.result !== OK && row.device === null ? (blocks.get(block) ?? []) : []
    if (together.length < MANY) return [toEntry(row, kindOf(row))]
    if (together[0] !== row) return []
    return [
      {
        kind: 'refused-block' as const,
        at: row.at,
        firstAt: Math.min(...together.map(({ firstAt }) => firstAt)),
        count: together.reduce((sum, { count }) => sum + count, 0),
        addresses: new Set(together.map(({ address }) => address)).size,
        network: block,
        href: withQuery(links.activity, { network: block, kind: 'refused' }),
      },
    ]
  })
}
