/**
 * What is different between the configuration in force and a new one, in the words of the file; and what of it cannot change while
 * Mailwicket runs.
 */
import type { Config } from '../../config/config.ts'
import type { Problem } from '../../config/config-problems.ts'

interface Changeable {
  /** The key or section in the file. */
  readonly name: string
  readonly isLive: boolean
  /** The part of a live one that a reload cannot change. */
  readonly fixed?: (config: Config) => unknown
}

/** One row for each part of `Config`: whoever adds one decides here whether a reload may change it. */
const PARTS: Readonly<Record<Exclude<keyof Config, 'path'>, Changeable>> = {
  hostname: { name: 'hostname', isLive: true },
  dataDir: { name: 'data_dir', isLive: false },
  logLevel: { name: 'log_level', isLive: true },
  workers: { name: 'workers', isLive: false },
  drainSeconds: { name: 'drain_seconds', isLive: true },
  generatedOnly: { name: 'passwords.generated_only', isLive: true },
  trustedFrom: { name: 'limits.trusted_from', isLive: true },
  sessionsPerDevice: { name: 'limits.sessions_per_device', isLive: true },
  store: { name: 'store.url', isLive: false },
  outageGraceMs: { name: 'store.outage_grace', isLive: false },
  certificates: { name: 'certificate', isLive: true },
  listen: { name: 'listen', isLive: true },
  upstreams: { name: 'upstream', isLive: true },
  admin: { name: 'admin', isLive: false },
  portal: {
    name: 'portal',
    isLive: true,
    // Where it listens, and whether there is one: the rest its own process reads anew.
    fixed: ({ portal }) => portal && [portal.host, portal.port, portal.tls, portal.url],
  },
}

/** Keys and sections that differ, named as in the file. */
export function listChanges(before: Config, after: Config): string[] {
  return findChanges(before, after).map(({ name }) => name)
}

/** What would need a restart. */
export function findFixedChanges(before: Config, after: Config): Problem[] {
  return findChanges(before, after)
    .filter(({ isLive, fixed }) => !isLive || (fixed !== undefined && JSON.stringify(fixed(before)) !== JSON.stringify(fixed(after))))
    .map(({ name }) => ({ key: name, text: 'has changed, which a reload cannot do: restart Mailwicket for it, or put the old value back' }))
}

function findChanges(before: Config, after: Config): Changeable[] {
  return Object.entries(PARTS)
    .filter(([part]) => JSON.stringify(before[part as keyof Config]) !== JSON.stringify(after[part as keyof Config]))
    .map(([, part]) => part)
}
