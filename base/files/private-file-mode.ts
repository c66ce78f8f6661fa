/**
 * Who else can read a file with a secret. Ours alone, or one that was mounted or laid for us: root's or another's, readable by a group of ours.
 */
import type { Stats } from 'node:fs'

/** Us, as the system sees this process. */
export interface Identity {
  readonly uid: number
  readonly groups: readonly number[]
}

export function ourIdentity(): Identity {
  const { geteuid, getegid, getgroups } = process
  return { uid: geteuid?.call(process) ?? -1, groups: [...(getgroups?.call(process) ?? []), getegid?.call(process) ?? -1] }
}

const [GROUP, OTHERS, OWNER_WRITES, GROUP_READS] = [0o070, 0o007, 0o200, 0o040]

/**
 * Whether somebody beside its owner and us can use it.
 *
 * A file of ours that we may write belongs in no group's hands: `chmod 600` mends it. What a container platform mounts (root:fsGroup 0440) or an
 * administrator lays for a service (root:mailwicket 0640) is not ours to change, and its group is there for us.
 */
export function isExposed({ mode, uid, gid }: Pick<Stats, 'mode' | 'uid' | 'gid'>, identity: Identity): boolean {
  if ((mode & OTHERS) !== 0) return true
  if ((mode & GROUP) === 0) return false
  const isLaidForUs = uid !== identity.uid || (mode & OWNER_WRITES) === 0
  return !(isLaidForUs && (mode & GROUP) === GROUP_READS && identity.groups.includes(gid))
}
