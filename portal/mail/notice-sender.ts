/**
 * Sends what is due in the queue, one mail after the other, and finds out every few seconds what people are to be told.
 *
 * A mail is one sender's at a time, on whichever node. It is lost by no fault: what was not settled is tried again after the lease. A sender that is
 * killed between the server's "250" and the note of it makes one mail come twice; SMTP leaves no choice there. A server that is down is
 * left alone for a moment, and each mail is tried for four days, less and less often (RFC 5321 §4.5.4.1).
 */
import { randomUUID } from 'node:crypto'
import { domainOf } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import type { NoticeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { MailResult } from '../../base/process-messages.ts'
import { queueNotices } from '../../management/queue-notices.ts'
import type { Notice } from '../../store/notices/notice-queue.ts'
import type { OpenedStore, Store } from '../../store/open-store.ts'
import { composeNotice } from './compose-notice.ts'
import { formatMail } from './mail-layout.ts'
import { MailFailure, type MailServer, type SendMail, sendMail } from './submission-client.ts'

const ROUND_MS = 5_000
/** A restart of the server takes about so long. */
const FIRST_WAIT_MS = 15_000
const LONGEST_WAIT_MS = 3_600_000
const GIVE_UP_MS = 4 * 24 * 3_600_000
/** How long closing waits for the mail under way. */
const CLOSE_MS = 5_000

export interface NoticeSenderOptions {
  readonly store: OpenedStore
  /** As it is in force now; undefined: no mail is sent. */
  readonly server: () => MailServer | undefined
  /** The portal's origin. */
  readonly url: string
  readonly log: Log
  readonly now: () => number
  readonly send?: SendMail | undefined
  /** What became of each try. */
  readonly counted?: ((is: MailResult) => void) | undefined
}

export class NoticeSender {
  readonly #options: NoticeSenderOptions
  readonly #store: Store
  readonly #send: SendMail
  readonly #stopping = new AbortController()
  /** The server took them, and the store did not hear of it yet. */
  readonly #accepted = new Set<NoticeId>()
  #isClosed = false
  #pausedUntil = 0
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()

  constructor(options: NoticeSenderOptions) {
    this.#options = options
    this.#send = options.send ?? sendMail
    this.#store = options.store.as({ name: 'mailwicket', source: 'notices' })
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.runRound().then(() => {
        if (!this.#isClosed) this.start()
      })
    }, ROUND_MS)
  }

  /** Lets the mail under way come to its end, but not for long. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const impatient = setTimeout(() => this.#stopping.abort(), CLOSE_MS)
    await this.#round
    clearTimeout(impatient)
  }

  /** What is to be told is queued, and what is due is sent. Never rejects. */
  async runRound(): Promise<void> {
    if (this.#options.server() === undefined) return
    try {
      for (const id of this.#accepted) await this.#settle(id)
      await queueNotices(this.#options.store)
      while (!this.#isClosed && this.#options.now() >= this.#pausedUntil) {
        const [notice] = await this.#store.notices.claim(1)
        if (notice === undefined) break
        await this.#deliver(notice)
      }
    } catch (error) {
      // The queue keeps what is in it; the next round tries again.
      if (error instanceof MailwicketError) this.#options.log.warn('notice.failed', { code: error.code, err: error.message })
      else this.#options.log.error('bug', { err: (error as Error).message, stack: (error as Error).stack })
    }
  }

  async #deliver(notice: Notice): Promise<void> {
    const { now, log, url, server } = this.#options
    const { id, kind, recipient, attempts, queuedAt } = notice
    const facts = { notice: kind, to: recipient, attempts }
    const config = server()
    if (config === undefined) return
    if (now() - queuedAt > GIVE_UP_MS) return this.#giveUp(notice, 'it could not be sent for four days')
    const text = await composeNotice(this.#store, notice, { url, now: now() })
    if (text === undefined) return this.#store.notices.remove(id)
    const { language } = text
    const mail = { from: config.from, to: recipient, messageId: messageIdOf(notice, config.from), date: new Date(now()), language, ...formatMail(text) }
    try {
      await this.#send(config, mail, this.#stopping.signal)
    } catch (error) {
      if (!(error instanceof MailFailure)) throw error
      return this.#failed(notice, error)
    }
    log.info('notice.sent', facts)
    this.#options.counted?.('sent')
    await this.#settle(id)
  }

  async #settle(id: NoticeId): Promise<void> {
    this.#accepted.add(id)
    await this.#store.notices.sent(id)
    this.#accepted.delete(id)
  }

  async #failed(notice: Notice, { scope, isFinal, message }: MailFailure): Promise<void> {
    const { now, log } = this.#options
    if (isFinal) return this.#giveUp(notice, message)
    const nextTryAt = now() + Math.min(FIRST_WAIT_MS * 2 ** Math.min(notice.attempts - 1, 10), LONGEST_WAIT_MS)
    if (scope === 'server') this.#pausedUntil = now() + FIRST_WAIT_MS
    const { kind, recipient, attempts } = notice
    this.#options.counted?.('failed')
    log.warn('notice.failed', { notice: kind, to: recipient, attempts, err: message, retryAt: new Date(nextTryAt).toISOString() })
    await this.#store.notices.failed(notice.id, { failure: message, nextTryAt })
  }

  async #giveUp({ id, kind, recipient, attempts }: Notice, failure: string): Promise<void> {
    this.#options.counted?.('given-up')
    this.#options.log.error('notice.given-up', { notice: kind, to: recipient, attempts, err: failure })
    await this.#store.notices.failed(id, { failure, nextTryAt: null })
  }
}

/**
 * RFC 5322 §3.6.4: the same mail tried again has the same, so that one that comes twice can be known. An invitation that is tried again has another
 * link, and must not be taken for the one before.
 */
function messageIdOf({ id, kind }: Notice, from: string): string {
  const isInvitation = kind === 'invitation' || kind === 'start'
  return `<${isInvitation ? `${id}.${randomUUID()}` : id}@${domainOf(from)}>`
}
