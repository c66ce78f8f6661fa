/** The three states in which a page shows a device. */
import type { Device } from '../../../store/accounts/devices/device-rows.ts'

export function stateOf({ state }: Device): 'active' | 'paused' | 'ended' {
  if (state === 'disabled') return 'paused'
  return state === 'expired' || state === 'revoked' ? 'ended' : 'active'
}
