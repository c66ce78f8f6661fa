/**
 * Recovery codes: ten of them stand in for the second step when phone and key are lost, each once.
 *
 * SECURITY: 50 random bits each, kept as HMAC under the pepper and bound to the person: whoever has the store alone cannot try any.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { UserId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import { getUserRow, parseLogin } from '../accounts/people/user-rows.ts'
import { openPepper } from '../keys/store-keys.ts'
import type { StoreContext } from '../store-context.ts'

/** As of app passwords: without letters that look alike. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'
const CODES = 10
const CODE_LETTERS = 10
/** What somebody may have typed between the letters. */
const MAX_TYPED_BYTES = 64

export class RecoveryCodes {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** New ones, to be shown once; those from before are worth nothing. Throws NOT_FOUND, KEY_WRONG. */
  async replace(login: string, codes: readonly Secret[] = makeRecoveryCodes()): Promise<readonly Secret[]> {
    const pepper = await openPepper(this.#context.db, this.#context.keyring())
    return this.#context.change(async change => {
      const { db } = change
      const user = await getUserRow(db, parseLogin(login))
      await db.deleteFrom('recovery_codes').where('user_id', '=', user.id).execute()
      const rows = codes.map(code => ({ user_id: user.id, hash: hashCode(pepper, user.id, lettersOf(code) ?? ''), used_at: null }))
      await db.insertInto('recovery_codes').values(rows).execute()
      await change.audit({ action: 'user.recovery-codes', subject: user.login, subjectId: user.id, before: null, after: { codes: codes.length } })
      return codes
    })
  }

  /** Whether it is one of the person's codes and was not used before; it is used now. Throws NOT_FOUND, KEY_WRONG. */
  async take(login: string, code: Secret): Promise<boolean> {
    const pepper = await openPepper(this.#context.db, this.#context.keyring())
    const letters = lettersOf(code)
    return this.#context.change(async change => {
      const { db, at } = change
      const user = await getUserRow(db, parseLogin(login))
      // What cannot be a code is hashed all the same: it costs as much.
      const hash = hashCode(pepper, user.id, letters ?? '')
      const { numUpdatedRows } = await db
        .updateTable('recovery_codes')
        .set({ used_at: at })
        .where('user_id', '=', user.id)
        .where('hash', '=', hash)
        .where('used_at', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return false
      const left = await db
        .selectFrom('recovery_codes')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .where('user_id', '=', user.id)
        .where('used_at', 'is', null)
        .executeTakeFirstOrThrow()
      await change.audit({ action: 'user.recovery-code-used', subject: user.login, subjectId: user.id, before: null, after: { left: Number(left.n) } })
      return true
    })
  }
}

/** Ten that are worth nothing until `replace` gets them: whoever sets up an app may turn back. */
export const makeRecoveryCodes = (): readonly Secret[] => Array.from({ length: CODES }, generateCode)

/** `k7mq2-9rtfh`. */
function generateCode(): Secret {
  const letters = Array.from(randomBytes(CODE_LETTERS), byte => ALPHABET[byte & 31]).join('')
  return Secret.fromText(`${letters.slice(0, CODE_LETTERS / 2)}-${letters.slice(CODE_LETTERS / 2)}`)
}

function lettersOf(code: Secret): string | undefined {
  if (code.byteLength > MAX_TYPED_BYTES) return undefined
  const letters = code
    .reveal()
    .toString('utf8')
    .replace(/[\s\p{Dash}]/gu, '')
    .toLowerCase()
  return letters.length === CODE_LETTERS ? letters : undefined
}

function hashCode(pepper: Secret, user: UserId, letters: string): string {
  return createHmac('sha256', pepper.reveal()).update(`recovery code\0${user}\0${letters}`).digest('base64url')
}
