/**
 * Who runs a command, and from where, as the audit says it: `anna`, `cli as mailwicket on gw1, pts/3, ssh from 203.0.113.7`.
 *
 * SECURITY: sudo and sshd say these things by the environment, which whoever calls can set. So the real owner of the process stands
 * in the text as well, and nothing gets into it but what looks like a name, a machine, a terminal or an address.
 */
import { isIP } from 'node:net'

export interface OperatorFacts {
  /** Owner of the process, from the system. */
  readonly user: string
  readonly host: string
  /** `pts/3`. */
  readonly tty: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

const USER = /^[\p{L}\p{N}_][\p{L}\p{N}_.@\\-]{0,63}\$?$/u
const HOST = /^[a-z0-9.-]{1,253}$/i
const TTY = /^(pts\/\d{1,6}|tty[a-zA-Z0-9]{0,16})$/

/** The two facts of a Terminal that the audit keeps. */
export function findOperator({ user, host, tty, env }: OperatorFacts): { readonly operator: string; readonly origin: string } {
  const caller = matching(USER, env['SUDO_USER'])
  const operator = caller ?? user
  const machine = matching(HOST, host)
  const terminal = matching(TTY, tty) ?? matching(TTY, env['SSH_TTY']?.replace(/^\/dev\//, ''))
  const place = ['cli', ...(operator === user ? [] : [`as ${user}`]), ...(machine === undefined ? [] : [`on ${machine}`])].join(' ')
  const client = findClient(env)
  return { operator, origin: [place, ...(terminal === undefined ? [] : [terminal]), ...(client === undefined ? [] : [`ssh from ${client}`])].join(', ') }
}

/** sshd sets `SSH_CONNECTION` to the client's address and port and its own. */
function findClient(env: OperatorFacts['env']): string | undefined {
  const address = (env['SSH_CONNECTION'] ?? env['SSH_CLIENT'])?.split(' ')[0] ?? ''
  return isIP(address) === 0 ? undefined : address
}

function matching(pattern: RegExp, text: string | undefined): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined
}
