/**
 * One mailbox of the demo's mail server: messages in memory, and sessions that hear what changes.
 */
import { type Part, parsePart } from './demo-imap-message.ts'

export interface StoredMessage {
  readonly uid: number
  /** One character a byte. */
  readonly raw: string
  readonly part: Part
  /** Milliseconds since 1970, UTC. */
  readonly at: number
  readonly flags: Set<string>
}

/** Told with the message's number at that moment. */
export type Listener = (what: 'exists' | 'expunge' | 'flags', number: number) => void

export class DemoMailbox {
  readonly specialUse: string | undefined
  readonly messages: StoredMessage[] = []
  isSubscribed = true
  uidNext = 1
  readonly #listeners = new Set<Listener>()

  constructor(specialUse?: string) {
    this.specialUse = specialUse
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  append(raw: string, at: number, flags: Iterable<string>): StoredMessage {
    const message = { uid: this.uidNext, raw, part: parsePart(raw), at, flags: new Set(flags) }
    this.uidNext += 1
    this.messages.push(message)
    this.#tell('exists', this.messages.length)
    return message
  }

  remove(message: StoredMessage): void {
    const at = this.messages.indexOf(message)
    if (at < 0) return
    this.messages.splice(at, 1)
    this.#tell('expunge', at + 1)
  }

  changed(message: StoredMessage): void {
    this.#tell('flags', this.messages.indexOf(message) + 1)
  }

  #tell(what: Parameters<Listener>[0], number: number): void {
    for (const listener of this.#listeners) listener(what, number)
  }
}
