/**
 * Is the master key there and private, and is the store there, whole and of this version?
 */
import { type Config, placeOf } from '../../config/config.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { readKeyring, withStoreOf } from '../frame/store-access.ts'
import { bad, type Finding, good } from './check-finding.ts'

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
      const [mailboxes, devices, byUpstream] = [await store.mailboxes.count(), await store.devices.count(), await store.mailboxes.countByUpstream()]
      const findings = [
        good(
          'store',
          `${placeOf(config.store)} is whole (version ${version}; ${countOf(mailboxes, 'mailbox', 'mailboxes')}, ${countOf(devices, 'device', 'devices')}).`,
        ),
      ]
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

function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
