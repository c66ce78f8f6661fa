/**
 * Whether a device is good now: the one judgement for a login, for its hand-over, and for a live session when something changed.
 */
import { isInNetworks, parseCidr } from '../../base/network.ts'
import type { DeviceStatus, Scope } from '../../store/schema/login-record.ts'
import type { Refusal } from './refusal.ts'

export interface Circumstances {
  readonly scope: Scope
  readonly ip: string
  /** Milliseconds since 1970, UTC. */
  readonly now: number
}

/** The reason why the device may not be used under these circumstances; undefined: it may. */
export function judgeDevice(device: DeviceStatus, { scope, ip, now }: Circumstances): Refusal | undefined {
  if (device.state === 'revoked') return 'revoked'
  if (device.state === 'disabled') return 'disabled'
  if (device.mailboxState === 'disabled') return 'mailbox-disabled'
  // Like a wrong secret: whoever holds a stolen password must not learn from elsewhere that it is right.
  if (device.allowFrom.length > 0 && !isAllowedFrom(ip, device.allowFrom)) return 'network'
  if (device.expiresAt !== null && device.expiresAt <= now) return 'expired'
  if (!device.scopes.includes(scope)) return 'scope'
  if (device.userState === 'blocked') return 'user-blocked'
  return undefined
}

/** SECURITY: a network that cannot be read, from an import or a newer version, allows nobody; it must not stop the judging of others. */
function isAllowedFrom(ip: string, allowFrom: readonly string[]): boolean {
  return allowFrom.some(network => {
    try {
      return isInNetworks(ip, [parseCidr(network)])
    } catch {
      return false
    }
  })
}
