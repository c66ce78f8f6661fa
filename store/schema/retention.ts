/**
 * How long and how much is kept of what nobody asked to keep.
 */

const DAY_MS = 86_400_000

/** A revoked device still explains why its app is refused; then its row goes. */
export const REVOKED_KEPT_MS = 30 * DAY_MS
export const ACTIVITY_KEPT_MS = 30 * DAY_MS
/** Newest rows a device keeps: at one row an hour and app, more than a week of everything it did. */
export const ACTIVITY_ROWS_PER_DEVICE = 200
/** Newest rows of attempts that no device belongs to (unknown address, wrong secret), in all: whoever guesses addresses must not fill the disk. */
export const ACTIVITY_ROWS_WITHOUT_DEVICE = 10_000
/** An invitation that is over is shown for so long; the audit knows of it for ever. */
export const INVITATION_KEPT_MS = 30 * DAY_MS
/** A token that has ended explains for so long why its script is refused. */
export const API_TOKEN_KEPT_MS = 30 * DAY_MS
/** Mail that was sent or given up: longer than the day in which the same cause sends none. */
export const NOTICE_KEPT_MS = 7 * DAY_MS
/** Days whose counts of recipients are kept besides today: a node whose clock is behind still finds its own. */
export const SENT_DAYS_KEPT = 1
/** Attempts that differ only in their time are one row when they lie within this. */
export const REPEAT_WINDOW_MS = 3_600_000
/** A node that was silent for so long is gone, not slow: its rows may go. Lists leave it out earlier (`liveSince`). */
export const NODE_FORGOTTEN_MS = 60_000
/** A cleared count stays so long for the nodes to read it: they ask every second. */
export const CLEARED_KEPT_MS = 60_000
/** Rows of counts in all; those that end first go first. */
export const FAILURE_ROWS_KEPT = 20_000
/** Blocks a mailbox keeps, newest first: phones on the move have a new one every hour. */
export const RECOGNISED_NETWORKS_PER_MAILBOX = 200
/** A last connection later than this from now was written while the clock was wrong: the next one replaces it. Clocks of nodes differ by less. */
export const FUTURE_MS = 5 * 60_000
/** Purges run so often, and delete so many rows at a time: milliseconds of work each. */
export const PURGE_INTERVAL_MS = 60_000
export const PURGE_ROWS = 500
