/**
 * The options of `device add` and `device set` as values: scopes, expiry, networks.
 */
import { MailwicketError } from '../../../base/errors.ts'
import type { Scope } from '../../../store/schema/login-record.ts'
import { parseExpiry } from '../../frame/moment.ts'

const SCOPES: readonly Scope[] = ['imap', 'smtp']

/** `imap,smtp` or a part of it. Throws BAD_INPUT. */
export function parseScopes(text: string): Scope[] {
  const words = text.split(',').map(word => word.trim().toLowerCase())
  const wrong = words.find(word => !SCOPES.includes(word as Scope))
  if (wrong !== undefined) {
    throw new MailwicketError('BAD_INPUT', {
      message: `--scope: “${wrong.slice(0, 60)}” is no scope.`,
      remedy: 'The scopes are imap and smtp; several are separated by commas: --scope imap,smtp',
    })
  }
  return SCOPES.filter(scope => words.includes(scope))
}

/** Addresses and networks in canonical form. Throws BAD_INPUT. */
export async function parseAllowFrom(texts: readonly string[]): Promise<string[]> {
  const { formatCidr, parseCidr } = await import('../../../base/network.ts')
  const networks = texts.map(text => {
    try {
      return formatCidr(parseCidr(text.trim()))
    } catch (error) {
      throw new MailwicketError('BAD_INPUT', {
        message: `--allow-from: “${text.slice(0, 60)}” ${(error as Error).message}.`,
        remedy: 'Give an address or a network, for example 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32; repeat the option for several.',
      })
    }
  })
  return [...new Set(networks)]
}

/** A moment, or null for `never`. Throws BAD_INPUT. */
export function parseExpires(text: string, now: number): number | null {
  return text.trim().toLowerCase() === 'never' ? null : parseExpiry(text, now, '--expires')
}
