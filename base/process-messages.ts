/**
 * What a supervisor and its processes say to each other over Node's channel. Nothing secret, and no byte of a peer, ever goes this way.
 */
import type { ErrorCode } from './errors.ts'

export type ToProcess = { readonly kind: 'reload' } | { readonly kind: 'stop' }

export type FromProcess =
  /** It serves; `facts` belong into the ready line. */
  | { readonly kind: 'ready'; readonly facts: Readonly<Record<string, unknown>> }
  /** It could not start, and ends. */
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string; readonly remedy: string | undefined }
  /** Its loop turns. */
  | { readonly kind: 'alive' }

/** How often a process says that it is alive. */
export const HEARTBEAT_MS = 2_000
