/**
 * The errors of Mailwicket: one class, one table of codes.
 *
 * A code is stable and documented: `docs/errors.md` is generated from `ERRORS` and a test compares.
 * `message` is for the log and the command line; it never reaches a mail app (client texts live in `*-replies.ts`).
 * A refusal (wrong password, expired …) is a value, never an error.
 */

/** Who has to act: the peer, nobody (try again later), the person at the command line, or we. */
export type ErrorKind = 'client' | 'temporary' | 'usage' | 'not-found' | 'not-allowed' | 'failed' | 'bug'

export interface ErrorFacts {
  readonly kind: ErrorKind
  /** One sentence: what happened. */
  readonly means: string
  /** One sentence: what to do about it. */
  readonly remedy: string
}

export const ERRORS = {
  CONFIG_NOT_FOUND: { kind: 'usage', means: 'No configuration file was found.', remedy: 'Run `mailwicket init`, or name a file with `--config`.' },
  CONFIG_INVALID: { kind: 'usage', means: 'The configuration has unknown or wrong keys.', remedy: 'Correct every key that the message names.' },
  BAD_INPUT: {
    kind: 'usage',
    means: 'A value given on the command line or on standard input is not usable.',
    remedy: 'Correct the value that the message names; `--help` of the command has examples.',
  },
  NOT_FOUND: {
    kind: 'not-found',
    means: 'There is no such mailbox, device, user, session or file.',
    remedy: 'List what there is with `mailbox list` or `device list`.',
  },
  NOT_ALLOWED: {
    kind: 'not-allowed',
    means: 'Whoever asked has not the right to do this.',
    remedy: 'Ask an administrator, or whoever manages the mailbox.',
  },
  TOKEN_UNKNOWN: {
    kind: 'not-allowed',
    means: 'A request to the HTTP API has no token, or one that is unknown, over, revoked, or not for that network.',
    remedy: 'Send a token as `Authorization: Bearer mwt_…`; make one with `token add` or on the account page.',
  },
  TOO_MANY_REQUESTS: {
    kind: 'temporary',
    means: 'A token of the HTTP API was used too often, or too many wrong ones came from its network.',
    remedy: 'Wait as long as the answer’s Retry-After says.',
  },
  CHANGED_MEANWHILE: {
    kind: 'failed',
    means: 'Somebody else changed the thing after it was looked at.',
    remedy: 'Look at what it is now, and decide again.',
  },
  AMBIGUOUS_ID: { kind: 'usage', means: 'A shortened ID fits more than one thing.', remedy: 'Give more characters of the ID.' },
  ALREADY_EXISTS: { kind: 'failed', means: 'A thing of that name exists already.', remedy: 'Choose another name, or change the existing one with `set`.' },
  STILL_LINKED: {
    kind: 'failed',
    means: 'A user who is to be removed is still linked to devices.',
    remedy: 'Revoke the devices first, or unlink them with `user remove LOGIN --unlink`.',
  },
  LAST_ADMINISTRATOR: {
    kind: 'failed',
    means: 'The only administrator cannot be removed, blocked or lowered.',
    remedy: 'Make somebody else an administrator first.',
  },
  STORE_UNAVAILABLE: {
    kind: 'temporary',
    means: 'The store could not be read or written.',
    remedy: 'Look whether its disk is full (df), who else has the file open, and whether this user may write it.',
  },
  STORE_BUSY: {
    kind: 'temporary',
    means: 'Others were changing the store for so long that this change did not get its turn. Nothing was changed.',
    remedy: 'Try again; if it comes often, look which command or script changes the store all the time.',
  },
  STORE_TOO_NEW: { kind: 'failed', means: 'The store was written by a newer Mailwicket.', remedy: 'Install at least the version that the message names.' },
  STORE_TOO_OLD: { kind: 'failed', means: 'The store needs a migration.', remedy: 'Run `mailwicket migrate`.' },
  STORE_DAMAGED: { kind: 'failed', means: 'The store failed its integrity check.', remedy: 'Restore the last backup with `mailwicket restore FILE`.' },
  STORE_IN_USE: {
    kind: 'failed',
    means: 'A gateway or another command uses the store.',
    remedy: 'Stop every gateway on this store, wait ten seconds, and try again.',
  },
  STORE_MOVED: {
    kind: 'temporary',
    means: 'The store was moved into another database, and nothing is written into the old one any more.',
    remedy: 'Write the place that the message names as `url` below `[store]` in mailwicket.toml, and restart the gateway.',
  },
  STORE_INCOMPLETE: {
    kind: 'temporary',
    means: 'A move into this store was begun and is not finished.',
    remedy: 'Run the same move again: it goes on where it was. Or remove the target and leave the store where it is.',
  },
  KEY_UNREADABLE: {
    kind: 'failed',
    means: 'The master key is missing or cannot be read.',
    remedy: 'Put it back from your copy: without it the sealed secrets cannot be opened.',
  },
  KEY_EXPOSED: {
    kind: 'failed',
    means: 'Others than the owner can read the master key file.',
    remedy: 'Run `chmod 600` on the file, and `mailwicket key rotate` if somebody may have read it.',
  },
  KEY_WRONG: {
    kind: 'failed',
    means: 'The store or backup was sealed under another master key.',
    remedy: 'Provide the key with the key id that the message names.',
  },
  HASH_QUEUE_FULL: {
    kind: 'temporary',
    means: 'More passwords wait for their hash than the queue holds.',
    remedy: 'It passes by itself; if it comes often, give the machine more cores.',
  },
  HASH_UNUSABLE: {
    kind: 'failed',
    means: 'A stored password hash is malformed, of another algorithm or asks for more than the limits.',
    remedy: 'Give the device a new password with `device password`.',
  },
  HASH_FAILED: { kind: 'temporary', means: 'A password hash could not be computed.', remedy: 'Usually memory is short: see the cause in the log.' },
  FILE_UNUSABLE: {
    kind: 'failed',
    means: 'A file or folder that was named cannot be read or written.',
    remedy: 'The message says why: whose it is, who this command runs as, or what is wrong with the disk.',
  },
  CERTIFICATE_INVALID: { kind: 'failed', means: 'A certificate or key cannot be used.', remedy: 'The message names the file and what is wrong with it.' },
  LISTEN_FAILED: {
    kind: 'failed',
    means: 'A listener could not be opened.',
    remedy: 'Check that nothing else uses the address, and that the user may bind the port.',
  },
  UPSTREAM_LOGIN_FAILED: {
    kind: 'failed',
    means: 'The upstream refused the login or could not be reached.',
    remedy: 'The message carries the upstream’s own words; `mailwicket check` tries every upstream.',
  },
  CHECK_FAILED: { kind: 'failed', means: 'At least one check found a problem.', remedy: 'Follow the advice in the lines marked FAIL.' },
  IMPORT_INCOMPLETE: {
    kind: 'failed',
    means: 'Some rows of an import were not taken.',
    remedy: 'Correct the lines that are named and run the import again: what is there already is left alone.',
  },
  WIRE_LIMIT: { kind: 'client', means: 'A peer sent more than the protocol or our limits allow.', remedy: 'Nothing: the connection was closed.' },
  WIRE_SYNTAX: { kind: 'client', means: 'A peer sent something that is not the protocol.', remedy: 'Nothing: the peer was told.' },
  WIRE_CLOSED: { kind: 'client', means: 'A peer closed the connection before the exchange was complete.', remedy: 'Nothing: the peer left.' },
  WIRE_TIMEOUT: { kind: 'client', means: 'A peer took longer than its deadline.', remedy: 'Nothing: the connection was closed.' },
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorDetails {
  /** What exactly was wrong; replaces the sentence of the table. */
  readonly message?: string
  /** What to do, when it is more precise than the table's remedy. */
  readonly remedy?: string
  readonly cause?: unknown
}

export class MailwicketError extends Error {
  override readonly name = 'MailwicketError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly remedy: string

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const facts = ERRORS[code]
    super(details.message ?? facts.means, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.kind = facts.kind
    this.remedy = details.remedy ?? facts.remedy
  }
}
