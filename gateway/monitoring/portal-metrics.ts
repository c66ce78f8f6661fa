/**
 * What the portal, a process of its own, tells of itself, as metrics of this one. Counts go on where a portal that was started again begins at 0.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { MAIL_RESULTS, type PortalFigures, SIGN_IN_RESULTS, STATUS_CLASSES } from '../../base/process-messages.ts'
import { type LabelsOf, METRICS, type MetricName } from './metrics-table.ts'

/** Whoever watches the process of the portal tells it. */
export interface PortalObserver {
  figures(figures: PortalFigures): void
  /** It ended, and is started again unless everything ends. */
  ended(): void
}

export class PortalMetrics implements PortalObserver {
  readonly #requests: Counter<'status'>
  readonly #duration: Histogram
  readonly #signIns: Counter<'result'>
  readonly #mails: Counter<'result'>
  readonly #sessions: Gauge
  readonly #mailsWaiting: Gauge
  readonly #restarts: Counter

  constructor(registry: Registry) {
    const settingsOf = <Name extends MetricName>(name: Name) => ({
      name,
      help: METRICS[name].help,
      labelNames: METRICS[name].labels as readonly LabelsOf<Name>[],
      registers: [registry],
    })
    this.#requests = new Counter(settingsOf('mailwicket_portal_requests_total'))
    const { buckets } = METRICS.mailwicket_portal_request_duration_seconds
    this.#duration = new Histogram({ ...settingsOf('mailwicket_portal_request_duration_seconds'), buckets: [...buckets] })
    this.#signIns = new Counter(settingsOf('mailwicket_portal_sign_ins_total'))
    this.#mails = new Counter(settingsOf('mailwicket_portal_mails_total'))
    this.#sessions = new Gauge(settingsOf('mailwicket_portal_sessions'))
    this.#mailsWaiting = new Gauge(settingsOf('mailwicket_portal_mail_queue_length'))
    this.#restarts = new Counter(settingsOf('mailwicket_portal_restarts_total'))
    for (const status of STATUS_CLASSES) this.#requests.inc({ status }, 0)
    for (const result of SIGN_IN_RESULTS) this.#signIns.inc({ result }, 0)
    for (const result of MAIL_RESULTS) this.#mails.inc({ result }, 0)
    this.#forget()
  }

  figures({ requests, seconds, signIns, mails, sessions, mailsWaiting }: PortalFigures): void {
    for (const status of STATUS_CLASSES) this.#requests.inc({ status }, requests[status])
    for (const result of SIGN_IN_RESULTS) this.#signIns.inc({ result }, signIns[result])
    for (const result of MAIL_RESULTS) this.#mails.inc({ result }, mails[result])
    for (const one of seconds) this.#duration.observe(one)
    this.#forget()
    if (sessions !== undefined) this.#sessions.set(sessions)
    if (mailsWaiting !== undefined) this.#mailsWaiting.set(mailsWaiting)
  }

  ended(): void {
    this.#restarts.inc()
    this.#forget()
  }

  /** Missing is not 0. */
  #forget(): void {
    this.#sessions.remove()
    this.#mailsWaiting.remove()
  }
}
