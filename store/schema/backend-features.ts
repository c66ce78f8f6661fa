/**
 * What a database can do, as named flags. Nothing outside a backend asks which database it is.
 */
export interface BackendFeatures {
  /** A query holds up the thread that asks it: a gateway writes in a thread of its own. */
  readonly blocksItsThread: boolean
  /** Tells by itself when the generation moved (`Backend.listen`): it is asked less often. */
  readonly listens: boolean
  /** Its structure can be looked through (`Backend.checkIntegrity`); otherwise that is the work of the database server. */
  readonly checksIntegrity: boolean
  /** Is one file: a store that is damaged can be set aside, and another put in its place. */
  readonly isFile: boolean
  /** Shares a disk with others, and keeps room there for what must be possible when it is full (`Backend.reserve`). */
  readonly keepsReserve: boolean
}
