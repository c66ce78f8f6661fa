/**
 * The log: pino, JSON lines with an `event` from a closed union; readable lines on a terminal.
 *
 * Every line of a connection carries `cid`, `proto`, `remote`, and once known `mailbox` and `device`.
 * SECURITY: wire text is never logged before login, and no value of class Secret can be.
 */
import { pino, stdTimeFunctions } from 'pino'

export type LogEvent =
  | 'ready'
  | 'stopping'
  | 'stopped'
  | 'auth.ok'
  | 'auth.refused'
  | 'auth.failed'
  | 'mail.accepted'
  | 'mail.refused'
  | 'mail.uncertain'
  | 'session.end'
  | 'session.failed'
  | 'upstream.failed'
  | 'upstream.refused-us'
  | 'certificate.loaded'
  | 'certificate.failed'
  | 'certificate.expires'
  | 'config.reloaded'
  | 'config.rejected'
  | 'notify.failed'
  | 'process.started'
  | 'process.ended'
  | 'process.hung'
  | 'listener.failed'
  | 'admin.exposed'
  | 'store.checked'
  | 'store.failed'
  | 'store.recovered'
  | 'store.space-low'
  | 'sessions.ended'
  | 'portal.request'
  | 'notice.sent'
  | 'notice.failed'
  | 'notice.given-up'
  | 'log.lost'
  | 'bug'

export type LogFields = Readonly<Record<string, unknown>>

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Log {
  debug(event: LogEvent, fields?: LogFields): void
  info(event: LogEvent, fields?: LogFields): void
  warn(event: LogEvent, fields?: LogFields): void
  error(event: LogEvent, fields?: LogFields): void
  /** A log whose lines all carry `fields` too. */
  with(fields: LogFields): Log
}

/** A log whose level a reload may change; `with` gives logs that follow it. */
export interface LevelledLog extends Log {
  setLevel(level: LogLevel): void
}

/** A place that takes whole lines, for example `process.stdout`. */
export interface LogSink {
  write(line: string): unknown
}

const NO_FIELDS: LogFields = {}

class PinoLog implements LevelledLog {
  readonly #pino: ReturnType<typeof pino>

  constructor(logger: ReturnType<typeof pino>) {
    this.#pino = logger
  }

  debug(event: LogEvent, fields: LogFields = NO_FIELDS): void {
    this.#pino.debug({ event, ...fields })
  }

  info(event: LogEvent, fields: LogFields = NO_FIELDS): void {
    this.#pino.info({ event, ...fields })
  }

  warn(event: LogEvent, fields: LogFields = NO_FIELDS): void {
    this.#pino.warn({ event, ...fields })
  }

  error(event: LogEvent, fields: LogFields = NO_FIELDS): void {
    this.#pino.error({ event, ...fields })
  }

  with(fields: LogFields): Log {
    return new BoundLog(this, fields)
  }

  setLevel(level: LogLevel): void {
    this.#pino.level = level
  }
}

/** Keeps its fields as a plain object: a pino child per connection costs kilobytes, this costs one object. */
class BoundLog implements Log {
  readonly #fields: LogFields
  readonly #parent: Log

  constructor(parent: Log, fields: LogFields) {
    this.#parent = parent
    this.#fields = fields
  }

  debug(event: LogEvent, fields?: LogFields): void {
    this.#parent.debug(event, { ...this.#fields, ...fields })
  }

  info(event: LogEvent, fields?: LogFields): void {
    this.#parent.info(event, { ...this.#fields, ...fields })
  }

  warn(event: LogEvent, fields?: LogFields): void {
    this.#parent.warn(event, { ...this.#fields, ...fields })
  }

  error(event: LogEvent, fields?: LogFields): void {
    this.#parent.error(event, { ...this.#fields, ...fields })
  }

  with(fields: LogFields): Log {
    return new BoundLog(this.#parent, { ...this.#fields, ...fields })
  }
}

/** A log that writes JSON lines to `sink`, `fields` in each; times are ISO 8601 in UTC, levels are words. */
export function openJsonLog(sink: LogSink, level: LogLevel, fields?: LogFields): LevelledLog {
  const options = { level, base: fields ?? null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } }
  return new PinoLog(pino(options, { write: line => void sink.write(line) }))
}

/** A log for a person at a terminal: time, level, event, fields. pino-pretty is loaded only here. */
export async function openReadableLog(sink: LogSink, level: LogLevel, fields?: LogFields): Promise<LevelledLog> {
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({ colorize: true, singleLine: true, messageKey: 'event', translateTime: 'SYS:HH:MM:ss' })
  return openJsonLog({ write: line => sink.write(format(line)) }, level, fields)
}

/** A log that keeps nothing, for commands and tests. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}
