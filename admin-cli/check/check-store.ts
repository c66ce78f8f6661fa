/**
 * Is the master key there and private, and is the store there, whole and of this version?
 */
import { formatEndpoint } from '../../base/network.ts'
import { type Config, placeOf } from '../../config/config.ts'
import type { Keyring } from '../../store/keys/master-key.ts'
import type { ServerState, StoreSpace } from '../../store/schema/backend.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { readKeyring, withStoreOf } from '../frame/store-access.ts'
import { bad, doubtful, type Finding, good } from './check-finding.ts'

/** It answers in milliseconds. */
const READYZ_MS = 2_000

export async function checkKey(context: CommandContext, config: Config): Promise<Finding[]> {
  try {
    const keyring = await readKeyring(context, config)
    const place = keyring.source.kind === 'environment' ? '$MAILWICKET_MASTER_KEY' : keyring.source.path
    return [good('key', `${place} holds the master key ${keyring.currentId}; nobody else can read it.`)]
  } catch (error) {
    return [bad('key', error)]
  }
}

export async function checkStore(context: CommandContext, config: Config): Promise<Finding[]> {
  const { readStoreVersion } = await import('../../store/open-store.ts')
  try {
    const { version } = await readStoreVersion(config)
    return await withStoreOf(context, config, async store => {
      await store.checkIntegrity()
      await store.checkWritable()
      const [mailboxes, devices, byUpstream] = [await store.mailboxes.count(), await store.devices.count(), await store.mailboxes.countByUpstream()]
      const findings = [
        good(
          'store',
          `${placeOf(config.store)} is whole (version ${version}; ${countOf(mailboxes, 'mailbox', 'mailboxes')}, ${countOf(devices, 'device', 'devices')}).`,
        ),
      ]
      findings.push(...judgeKey(await readKeyring(context, config).catch(() => undefined), await store.keys.status()))
      const server = await store.examineServer()
      if (server !== undefined) findings.push(...judgeServer(server))
      findings.push(...judgeSpace(await store.readSpace()))
      const known = new Set(config.upstreams.map(upstream => upstream.name))
      const lost = [...byUpstream].filter(([upstream]) => !known.has(upstream))
      if (lost.length > 0) {
        const names = lost.map(([upstream]) => upstream).join(', ')
        const count = lost.reduce((sum, [, mailboxes]) => sum + mailboxes, 0)
        findings.push({
          check: 'store',
          status: 'fail',
          message: `${count} mailboxes belong to upstreams that the configuration does not have: ${names}.`,
          advice: 'Put the [[upstream]] back, or move the mailboxes with `mailbox set ADDR --upstream NAME`.',
        })
      }
      return findings
    })
  } catch (error) {
    return [bad('store', error)]
  }
}

/** Of several machines each has its own copy of the key file. Nothing is said of keys that cannot be read: `checkKey` did. */
function judgeKey(keyring: Keyring | undefined, { storeKeyId }: { readonly storeKeyId: string }): Finding[] {
  if (keyring === undefined || keyring.ids.includes(storeKeyId)) return []
  return [
    {
      check: 'key',
      status: 'fail',
      message: `The store is sealed under the master key ${storeKeyId}, which is not here.`,
      advice: 'Copy keys/master.key from the machine on which `mailwicket key rotate` ran; gateways take it without a restart.',
    },
  ]
}

/** A session's last connection and the expiry of devices go by clocks; those of gateways and server should agree. */
const CLOCK_DIFFERENCE_MS = 2_000
/** A standby this far behind loses so much at a fail-over. */
const LAG_MS = 10_000

function judgeServer({ version, isTooOld, clockAheadMs, mayMakeTables, standbys, replayLagMs }: ServerState): Finding[] {
  const check = 'store'
  const findings: Finding[] = []
  if (isTooOld) findings.push({ check, status: 'fail', message: `The database is ${version}.`, advice: 'Mailwicket needs PostgreSQL 13 or newer.' })
  const clock =
    Math.abs(clockAheadMs) < CLOCK_DIFFERENCE_MS
      ? 'its clock agrees'
      : `its clock is ${(Math.abs(clockAheadMs) / 1000).toFixed(1)} s ${clockAheadMs > 0 ? 'ahead' : 'behind'}`
  const lag =
    standbys === 0 ? 'no standby' : `${countOf(standbys, 'standby', 'standbys')}${replayLagMs === null ? '' : `, ${(replayLagMs / 1000).toFixed(1)} s behind`}`
  const facts = `The database is ${version}; ${clock}; ${lag}.`
  if (Math.abs(clockAheadMs) >= CLOCK_DIFFERENCE_MS) findings.push(doubtful(check, facts, 'Let an NTP service keep the clocks of both machines.'))
  else if ((replayLagMs ?? 0) > LAG_MS)
    findings.push(doubtful(check, facts, 'What a standby has not got yet is lost when it takes over: look at its log and its disk.'))
  else if (!isTooOld) findings.push(good(check, facts))
  if (!mayMakeTables)
    findings.push(
      doubtful(check, 'The user may not make tables there: `migrate` would fail after an update.', 'Let it own the schema, or run `migrate` as the owner.'),
    )
  return findings
}

function judgeSpace(space: StoreSpace | undefined): Finding[] {
  if (space?.isLow !== true) return []
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const { freeBytes, reserveBytes } = space
  const message = `The disk of the store has ${mebibytes(freeBytes)} left, and ${mebibytes(reserveBytes)} in reserve for revocations.`
  return [doubtful('store space', message, 'Make room: on a full disk nothing is recorded, and no device can be added.')]
}

/** What the running gateway warns of, as far as its monitoring endpoint can be asked. Whether it runs is not the question here. */
export async function checkWarnings({ admin }: Config): Promise<Finding[]> {
  if (admin === undefined || admin.port === 0) return []
  const answer = await fetch(`http://${formatEndpoint(admin)}/readyz`, { signal: AbortSignal.timeout(READYZ_MS) })
    .then(response => response.json() as Promise<{ readonly warnings?: unknown; readonly lastFailedWrite?: unknown }>)
    .catch(() => undefined)
  const told: string[] = []
  if (Array.isArray(answer?.warnings)) told.push(`warns of ${answer.warnings.join(', ')}`)
  if (typeof answer?.lastFailedWrite === 'string') told.push(`could last not write at ${answer.lastFailedWrite}`)
  if (told.length === 0) return []
  return [
    doubtful(
      'gateway',
      `The running gateway ${told.join(' and ')}.`,
      'Its log has the reason: `store.failed`, `store.space-low`. What the words mean: docs/monitoring.md.',
    ),
  ]
}

function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
