/**
 * What a supervisor and its gateway workers say to each other beside what all processes say (base/process-messages.ts). It goes over a socket pair
 * that nobody else has. No byte of a peer goes this way: with `connection` comes the socket itself, of which nothing was read.
 */

import type { NodeId } from '../base/ids.ts'
import type { FromProcess, ToProcess } from '../base/process-messages.ts'
import type { Config } from '../config/config.ts'
import type { Accepted } from '../gateway/listen/listener.ts'
import type { News } from '../gateway/machine/machine.ts'
import type { MetricFigures } from '../gateway/monitoring/aggregate-metrics.ts'
import type { Health } from '../gateway/monitoring/readiness.ts'

/** The first message to a worker: all that it needs to start. */
export interface Begin {
  readonly kind: 'begin'
  /** From 1. */
  readonly worker: number
  readonly workers: number
  /** In force: the file may be another by now. */
  readonly config: Config
  readonly node: NodeId
  /** Whether it looks through the store. */
  readonly isFirst: boolean
  readonly key: Uint8Array
  readonly ticketKeys: Uint8Array
  /** What the others have told so far. */
  readonly news: News
  readonly isReadable: boolean
}

/** What a worker has to tell when it is asked. */
export interface Report {
  readonly metrics: readonly MetricFigures[]
  readonly health: Health
  readonly sessions: number
  /** Of the certificate that expires first. */
  readonly certificateDaysLeft: number
}

export type ToWorker =
  | ToProcess
  | Begin
  /** With its socket, unless the client has gone meanwhile. */
  | { readonly kind: 'connection'; readonly accepted: Accepted }
  | { readonly kind: 'news'; readonly news: News }
  | { readonly kind: 'ticket-keys'; readonly keys: Uint8Array }
  | { readonly kind: 'prepare'; readonly id: number; readonly config: Config }
  /** What was prepared is in force, or is not. */
  | { readonly kind: 'commit' }
  | { readonly kind: 'abandon' }
  | { readonly kind: 'report'; readonly id: number }

export type FromWorker =
  | FromProcess
  /** Connections, in the order in which they were handed over: the supervisor has nothing more to do with them. */
  | { readonly kind: 'taken' }
  /** It lets its sessions go, and wants no more. */
  | { readonly kind: 'draining' }
  /** So many sessions were cut at the end of the drain time. */
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'news'; readonly news: News }
  /** Empty: it is prepared. */
  | { readonly kind: 'prepared'; readonly id: number; readonly problems: readonly string[] }
  | ({ readonly kind: 'reported'; readonly id: number } & Report)
