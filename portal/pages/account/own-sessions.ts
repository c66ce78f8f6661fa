/** Where somebody is signed in, in words that they know the browser by. */
import type { PortalSession } from '../../views/account/account-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'

const BROWSERS: readonly (readonly [name: string, sign: RegExp])[] = [
  ['Edge', /Edg\//],
  ['Opera', /OPR\//],
  ['Samsung Internet', /SamsungBrowser\//],
  ['Firefox', /Firefox\/|FxiOS\//],
  ['Chrome', /Chrome\/|CriOS\/|Chromium\//],
  ['Safari', /Safari\//],
]
const SYSTEMS: readonly (readonly [name: string, sign: RegExp])[] = [
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Android', /Android/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh|Mac OS X/],
  ['Linux', /Linux/],
]

const nameIn = (agent: string, names: typeof BROWSERS): string | undefined => names.find(([, sign]) => sign.test(agent))?.[0]

/** `Firefox, macOS`; what calls itself otherwise is shown as it does, cut. */
export function browserName(agent: string): string {
  const names = [nameIn(agent, BROWSERS), nameIn(agent, SYSTEMS)].filter(name => name !== undefined)
  return names.length > 0 ? names.join(', ') : agent.slice(0, 40) || '–'
}

export async function findSessions({ services, session, actor }: SignedInRequest): Promise<PortalSession[]> {
  const { login } = session.user
  const nouns = services.store.as({ name: actor.login, source: actor.source })
  const signIns = await nouns.audit.newestOf(session.user.id, 'user.signed-in', 200)
  return (await nouns.portalSessions.list(login)).map(({ id, agent, ip, createdAt, seenAt }) => ({
    id,
    browser: browserName(agent),
    kind: /Mobile|iPhone|Android/.test(agent) ? ('phone' as const) : ('laptop' as const),
    ip,
    since: createdAt,
    seenAt,
    current: id === session.id,
    // The first sign-in since the session began is its own, or a later step of it.
    through: throughOf(String(signIns.filter(({ at }) => at >= createdAt).at(-1)?.after?.['by'] ?? '')),
  }))
}

function throughOf(by: string): PortalSession['through'] {
  if (by.includes('passkey')) return 'passkey'
  if (by.includes('recovery')) return 'recovery'
  return by.includes('totp') ? 'app' : 'password'
}
