/**
 * A secret that cannot be printed by accident: an app password, an upstream secret, a key.
 *
 * `String()`, JSON and `util.inspect` show `[secret]`. `reveal()` is called only in the files that
 * `test/architecture.test.ts` lists (hashing, tags, sealing, the upstream logins, the one-time display).
 */
import { inspect } from 'node:util'

export class Secret {
  readonly #value: Buffer

  private constructor(value: Buffer) {
    this.#value = value
  }

  static fromText(text: string): Secret {
    return new Secret(Buffer.from(text, 'utf8'))
  }

  static fromBytes(bytes: Uint8Array): Secret {
    return new Secret(Buffer.from(bytes))
  }

  reveal(): Buffer {
    return this.#value
  }

  get byteLength(): number {
    return this.#value.length
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
