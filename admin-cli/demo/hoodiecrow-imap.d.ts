/** What demo-upstream.ts uses of hoodiecrow-imap, which ships no types. Facts from its README and lib/server.js. */
declare module 'hoodiecrow-imap' {
  import type { EventEmitter } from 'node:events'
  import type { Server } from 'node:net'

  export interface StoredMessage {
    /** The whole message as ASCII text with CRLF. */
    raw: string
    /** IMAP date-time: `14-Sep-2013 21:22:28 -0300`. */
    internaldate?: string
    flags?: string[]
  }

  export interface StoredFolder {
    messages?: StoredMessage[]
    'special-use'?: string
    subscribed?: boolean
  }

  export interface HoodiecrowOptions {
    plugins?: string[]
    id?: Record<string, string>
    /** Replaces the built-in user. */
    users?: Record<string, { password: string }>
    storage?: { INBOX: StoredFolder; '': { separator: string; folders: Record<string, StoredFolder> } }
  }

  export interface Hoodiecrow extends EventEmitter {
    readonly server: Server
    /** Adds a message and tells the sessions that have the mailbox open. `raw` has one character a byte. */
    appendMessage(mailbox: string, flags: readonly string[], internaldate: string | undefined, raw: string): unknown
    listen(port: number, host: string, onListening: () => void): void
    close(onClosed: () => void): void
  }

  export default function hoodiecrow(options: HoodiecrowOptions): Hoodiecrow
}
