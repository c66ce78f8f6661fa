/** The migration password of a mailbox, tried at an upstream that is a function. */
import type { DeviceId, MailboxId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import type { LoginDevice, LoginMailbox } from '../../store/schema/login-record.ts'
import { UpstreamFailure } from '../../upstream/upstream-failure.ts'
import type { Route } from '../../upstream/upstream-routes.ts'
import { MigrationLogins } from './migration-login.ts'
import { MigrationMemory } from './migration-memory.ts'
import { type ProofServices, proveLogin } from './prove-login.ts'

export const RIGHT = 'marker-right-Old1'
export const mailbox: LoginMailbox = {
  id: 'm1' as MailboxId,
  address: 'ann@example.com',
  upstream: 'main',
  login: 'ann.a',
  sealedSecret: null,
  state: 'active',
}
const migrationDevice: LoginDevice = {
  id: 'd1' as DeviceId,
  name: 'legacy',
  kind: 'legacy',
  phc: '',
  tag: new Uint8Array(),
  state: 'active',
  mailboxState: 'active',
  scopes: ['imap', 'smtp'],
  expiresAt: Date.now() + 3_600_000,
  allowFrom: [],
  passwordVersion: 1,
  kickedAt: null,
  userState: null,
}

export interface Try {
  readonly device?: Partial<LoginDevice>
  readonly ip?: string
  readonly protocol?: 'imap' | 'submission'
  readonly signal?: AbortSignal
}

export class MigrationStage {
  /** What the upstream was asked. */
  readonly tried: string[] = []
  /** Upstream connections that were thrown away. */
  readonly dropped: string[] = []
  /** What was called a guess. */
  readonly counted: string[] = []
  readonly signals: AbortSignal[] = []
  /** Whether the secret gets there. */
  isReached = true
  now = 0
  /** Where the upstream is; a reload may move it. */
  server = { host: '192.0.2.1', port: 143 }
  logins = new MigrationLogins({ memory: new MigrationMemory({ now: () => this.now }) })

  /** What the upstream does when it is asked. */
  answer = async (secret: string): Promise<string> => {
    if (secret === RIGHT) return 'an upstream connection'
    throw new UpstreamFailure('refused-us', 'NO [AUTHENTICATIONFAILED] no')
  }

  prove(text: string, { device = {}, ip = '192.0.2.7', protocol = 'imap', signal = new AbortController().signal }: Try = {}) {
    const services = {
      store: {
        findLogin: async () => ({ mailbox, devices: [{ ...migrationDevice, ...device }], generation: 1 }),
        tagsOf: () => ({ generated: Buffer.alloc(8), chosen: Buffer.alloc(1) }),
      },
      hasher: { verify: async () => Promise.reject(new Error('argon2 was asked')) },
      log: silentLog,
      migrationLogins: this.logins,
      migrationRouteOf: (_mailbox: LoginMailbox, secret: Secret) =>
        ({ config: { imap: this.server, submission: this.server }, login: { secret } }) as unknown as Route,
    } as unknown as ProofServices
    const credentials = { address: mailbox.address, secret: Secret.fromText(text), actsAsOther: false }
    const scope = protocol === 'imap' ? ('imap' as const) : ('smtp' as const)
    const connect = async ({ login }: Route, ofTry: AbortSignal) => {
      const secret = login.secret.reveal().toString()
      this.tried.push(secret)
      this.signals.push(ofTry)
      const gone = new Promise<never>((_, reject) => ofTry.addEventListener('abort', () => reject(ofTry.reason as Error)))
      if (this.isReached) login.onSent?.()
      const name = await Promise.race([this.answer(secret), gone])
      return { name, socket: { destroy: () => this.dropped.push(name) } }
    }
    const onTried = async (outcome: 'refused' | 'unknown') => void this.counted.push(`${text} ${outcome}`)
    return proveLogin(services, credentials as never, { scope, ip, protocol }, { connect, signal, onTried, mayTryUntagged: async () => true })
  }

  /** From now on the upstream answers when it is told to. */
  holdAnswers() {
    const waiting: (() => void)[] = []
    const direct = this.answer
    this.answer = async secret => {
      await new Promise<void>(resolve => waiting.push(resolve))
      return direct(secret)
    }
    return { release: (count = waiting.length) => waiting.splice(0, count).forEach(resolve => void resolve()) }
  }
}

export const turn = () => new Promise(resolve => setImmediate(resolve))
