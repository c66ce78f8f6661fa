/**
 * What every measured program is to the measurements: a port that speaks IMAP or SMTP over TLS, a login, and a process to account for.
 */
import type { Program } from '../workbench.ts'

export interface Peer {
  readonly name: PeerName
  readonly port: number
  /** Certificate of all peers, PEM: the load trusts only this one. */
  readonly certificate: string
  readonly user: string
  readonly secret: string
  /** Root of the processes whose CPU time and memory count. */
  readonly program: Program
}

/** `Mailwicket before`: another tree of ours, named by `--against`. */
export type PeerName = 'Mailwicket' | 'Mailwicket before' | 'nginx mail' | 'nginx stream' | 'Dovecot proxy' | 'bare Node relay'

/** A peer that can be started as often as fresh processes are wanted. */
export interface PeerKind {
  readonly name: PeerName
  /** As it is set up here. */
  readonly mostSessions?: number
  start(): Promise<Peer>
}

/** The secret that the upstream wants. The load sends it only to the peer that does not look at the login. */
export const UPSTREAM_SECRET = 'upstream-secret-0815'

/** The mailbox with the large message, and of all small logins. */
export const BENCH_USER = 'bench@example.test'

export interface Upstream {
  readonly protocol: 'imap' | 'submission'
  readonly port: number
  /** It speaks TLS, with the bench's certificate. nginx's mail proxy cannot: its figures are of the same upstream without. */
  readonly isTls?: true
}

/** The certificate that all peers show. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly pem: string
}
