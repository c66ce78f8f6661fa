/** The measurements, in the order in which they are made and shown. */
export const NAMES = [
  'download',
  'transfers',
  'submission',
  'login',
  'round-trip',
  'memory',
  'refusals',
  'login-time',
  'flood',
  'workers',
  'idle-sessions',
  'devices',
  'revocation',
  'portal',
] as const

export type Name = (typeof NAMES)[number]

/** When they are short they say nothing. */
export const NOT_QUICK: readonly Name[] = ['portal']
