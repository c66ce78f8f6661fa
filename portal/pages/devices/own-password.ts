/** Which of the rules a chosen password keeps, told one by one. The store has the last word. */
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { OwnPasswordRules } from '../../views/devices/password-view.ts'
import { isCommon } from '../parts/password-strength.ts'

export type { OwnPasswordRules }

const MIN_CHARACTERS = 16
const MAX_CHARACTERS = 128

export async function rulesOf(password: string, { mailbox, name }: Pick<Device, 'mailbox' | 'name'>): Promise<OwnPasswordRules> {
  const folded = password.trim().toLowerCase()
  const [foreign] = /[^\x20-\x7e]/u.exec(password) ?? []
  return {
    long: password.length >= MIN_CHARACTERS && password.length <= MAX_CHARACTERS,
    typable: foreign === undefined,
    notTheName: folded !== mailbox.toLowerCase() && folded !== name.trim().toLowerCase(),
    notCommon: password !== '' && !(await isCommon(password, [mailbox, name])),
    ...(foreign !== undefined && { foreign }),
  }
}

export const keepsAll = ({ long, typable, notTheName, notCommon }: OwnPasswordRules): boolean => long && typable && notTheName && notCommon
