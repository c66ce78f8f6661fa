/**
 * Signing in over a store of its own, with a clock that stands still and waits that are only written down; and an authenticator as software.
 */
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { Secret } from '../../base/secret.ts'
import type { SecondFactorPolicy } from '../../config/config.ts'
import { SecretFingerprints } from '../../store/limits/secret-fingerprint.ts'
import type { Store } from '../../store/open-store.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { StoreFixture } from '../../store/store-fixture.ts'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from './passkeys.ts'
import { SignInLimiter } from './sign-in-limiter.ts'
import type { Client, SignInServices } from './sign-in-services.ts'

/** Under this key no two of the guesses of these tests share a fingerprint of 16 bits; under a random one some of a hundred do once in fourteen runs. */
const DISTINCT = new SecretFingerprints(Buffer.alloc(32, 0))

export const PASSWORD = 'a password of Anna'

export class SignInFixture {
  readonly files = new StoreFixture()
  readonly waits: number[] = []
  verifications = 0
  policy: SecondFactorPolicy = 'optional'
  store!: Store
  services!: SignInServices

  async open(): Promise<void> {
    this.store = await this.files.create()
    this.services = this.servicesOver(this.store)
  }

  /** As another process of the portal has them. */
  servicesOver(store: Store): SignInServices {
    const hasher = new PasswordHasher()
    const now = this.files.clock
    return {
      store,
      keyring: this.files.keyring,
      hasher: {
        hash: secret => hasher.hash(secret),
        verify: (phc, secret) => {
          this.verifications += 1
          return hasher.verify(phc, secret)
        },
      },
      limiter: new SignInLimiter({ attempts: store.signInAttempts, trusted: () => [], now, fingerprints: DISTINCT }),
      policy: () => this.policy,
      url: 'https://portal.example.com',
      now,
      wait: async ms => void this.waits.push(ms),
    }
  }

  /** Somebody with a password. */
  async addPerson(login: string): Promise<void> {
    await this.store.users.add({ login })
    await this.store.credentials.setPassword(login, await this.services.hasher.hash(Secret.fromText(PASSWORD)))
  }

  client(changes: Partial<Client> = {}): Client {
    return { ip: '192.0.2.1', agent: 'Browser', receivedAt: this.files.now, ...changes }
  }

  async remove(): Promise<void> {
    await this.files.remove()
  }
}

interface Answering {
  readonly origin?: string
  readonly host?: string
  readonly verified?: boolean
  readonly counter?: number
}

/** One passkey, ES256, that does what it is told: also what no honest one would. */
export class SoftwareAuthenticator {
  readonly id = randomBytes(16)
  readonly #keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  register(
    challenge: string,
    { origin = 'https://portal.example.com', host = 'portal.example.com', verified = true, counter = 0 }: Answering = {},
  ): RegistrationResponseJSON {
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' })
    // COSE: kty EC2, alg ES256, crv P-256, x, y.
    const key = Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ])
    const length = Buffer.alloc(2)
    length.writeUInt16BE(this.id.length)
    const data = Buffer.concat([authenticatorData(host, verified, counter, 0x40), Buffer.alloc(16), length, this.id, key])
    const attestation = Buffer.concat([
      // CBOR: {"fmt": "none", "attStmt": {}, "authData": bytes}
      Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex'),
      cborBytes(data),
    ])
    return {
      id: this.id.toString('base64url'),
      rawId: this.id.toString('base64url'),
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: clientData('webauthn.create', challenge, origin),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      },
    }
  }

  prove(
    challenge: string,
    { origin = 'https://portal.example.com', host = 'portal.example.com', verified = true, counter = 0 }: Answering = {},
  ): AuthenticationResponseJSON {
    const data = authenticatorData(host, verified, counter, 0)
    const client = clientData('webauthn.get', challenge, origin)
    const signed = Buffer.concat([data, createHash('sha256').update(Buffer.from(client, 'base64url')).digest()])
    const signature = createSign('sha256').update(signed).sign(this.#keys.privateKey)
    return {
      id: this.id.toString('base64url'),
      rawId: this.id.toString('base64url'),
      type: 'public-key',
      clientExtensionResults: {},
      response: { clientDataJSON: client, authenticatorData: data.toString('base64url'), signature: signature.toString('base64url') },
    }
  }
}

function clientData(type: string, challenge: string, origin: string): string {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false })).toString('base64url')
}

/** User present; verified or not; `more` flags. */
function authenticatorData(host: string, verified: boolean, counter: number, more: number): Buffer {
  const tail = Buffer.alloc(5)
  tail[0] = 0x01 | (verified ? 0x04 : 0) | more
  tail.writeUInt32BE(counter, 1)
  return Buffer.concat([createHash('sha256').update(host).digest(), tail])
}

function cborBytes(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.length < 256 ? Buffer.of(0x58, bytes.length) : Buffer.of(0x59, bytes.length >> 8, bytes.length & 255), bytes])
}
