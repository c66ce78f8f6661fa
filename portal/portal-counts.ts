/**
 * What the portal tells of itself for the metrics: counted here, taken with each heartbeat (`base/process-messages.ts`).
 */
import {
  MAIL_RESULTS,
  type MailResult,
  type PortalFigures,
  SIGN_IN_RESULTS,
  type SignInResult,
  STATUS_CLASSES,
  type StatusClass,
} from '../base/process-messages.ts'

/** Between two heartbeats; of more requests the later ones are counted without their time. */
const MOST_TIMES = 5_000

export class PortalCounts {
  #requests = zeros(STATUS_CLASSES)
  #seconds: number[] = []
  #signIns = zeros(SIGN_IN_RESULTS)
  #mails = zeros(MAIL_RESULTS)
  #now: Pick<PortalFigures, 'sessions' | 'mailsWaiting'> = { sessions: undefined, mailsWaiting: undefined }

  /** `ms`: until the answer began. */
  requestEnded(status: number, ms: number): void {
    const is = `${Math.floor(status / 100)}xx` as StatusClass
    if (!STATUS_CLASSES.includes(is)) return
    this.#requests[is] += 1
    if (this.#seconds.length < MOST_TIMES) this.#seconds.push(Math.round(ms * 1_000) / 1_000_000)
  }

  signIn(is: SignInResult): void {
    this.#signIns[is] += 1
  }

  mail(is: MailResult): void {
    this.#mails[is] += 1
  }

  /** As they are at this moment. */
  found(now: Pick<PortalFigures, 'sessions' | 'mailsWaiting'>): void {
    this.#now = now
  }

  /** Since it was last asked. */
  take(): PortalFigures {
    const figures = { requests: this.#requests, seconds: this.#seconds, signIns: this.#signIns, mails: this.#mails, ...this.#now }
    this.#requests = zeros(STATUS_CLASSES)
    this.#seconds = []
    this.#signIns = zeros(SIGN_IN_RESULTS)
    this.#mails = zeros(MAIL_RESULTS)
    return figures
  }
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map(name => [name, 0])) as Record<Name, number>
}
