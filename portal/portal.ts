/**
 * Puts the portal together and takes it apart again: store, certificates, pages, server. Runs in a process of its own (`portal-main.ts`).
 */
import type { LevelledLog } from '../base/log.ts'
import { parseCidr } from '../base/network.ts'
import type { PortalFigures } from '../base/process-messages.ts'
import { openCertificates } from '../certs/certificates.ts'
import type { Config, PortalConfig } from '../config/config.ts'
import { loadConfig } from '../config/config-load.ts'
import { openHttpServer } from '../http/http-server.ts'
import { loadKeyring } from '../store/keys/master-key.ts'
import { type OpenedStore, openStore } from '../store/open-store.ts'
import { PasswordHasher } from '../store/passwords/password-hash.ts'
import { makeApp } from './app.ts'
import { loadAssets } from './asset-table.ts'
import { NoticeSender } from './mail/notice-sender.ts'
import { PortalCounts } from './portal-counts.ts'
import { makeDeviceSetup } from './setup/device-setup.ts'
import { openProfileSigner } from './setup/profile-signer.ts'
import { substituteOf } from './sign-in/check-password.ts'
import { SignInLimiter } from './sign-in/sign-in-limiter.ts'
import type { SignInServices } from './sign-in/sign-in-services.ts'

export interface Portal {
  /** As bound. */
  readonly address: string
  readonly url: string
  /** For the metrics: what it did since it was last asked. */
  takeFigures(): PortalFigures
  /** Reads the configuration again, after the gateway found it good. Never rejects. */
  reload(): Promise<void>
  /** Answers what was asked, takes no more, and closes everything. To be called once. */
  close(): Promise<void>
}

export interface PortalOptions {
  /** With a section [portal]. */
  readonly config: Config
  /** The environment, for the master key. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LevelledLog
}

type Closer = () => void | Promise<void>

/** Throws what the parts throw: KEY_…, STORE_…, CERTIFICATE_INVALID, LISTEN_FAILED. Then nothing is left open. */
export async function openPortal(options: PortalOptions): Promise<Portal> {
  const closers: Closer[] = []
  try {
    return await openParts(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function openParts({ config, env, log }: PortalOptions, closers: Closer[]): Promise<Portal> {
  // What a reload replaces; everything below asks for it anew each time.
  const current = await readCurrent(config, log)
  const keyring = loadKeyring({ dataDir: config.dataDir, env })
  const certificates = current.portal.tls === 'implicit' ? await openCertificates({ files: config.certificates, log }) : undefined
  if (certificates !== undefined) closers.push(() => certificates.close())
  const store = await openStore({ config, keyring })
  closers.push(() => store.close())
  const now = Date.now
  const hasher = new PasswordHasher()
  const { signInAttempts } = store.as({ name: 'portal', source: 'portal' })
  const signIn: SignInServices = {
    store,
    keyring,
    hasher,
    limiter: new SignInLimiter({ attempts: signInAttempts, trusted: () => current.config.trustedFrom.map(parseCidr), now }),
    policy: () => current.portal.secondFactor,
    url: current.portal.url,
    now,
    wait: ms => new Promise(resolve => setTimeout(resolve, ms)),
  }
  // Or the first wrong sign-in would be slower than the others.
  await substituteOf(hasher)
  const setup = makeDeviceSetup({ hostname: () => current.config.hostname, signer: () => current.signer })
  const counts = new PortalCounts()
  const app = makeApp({ url: current.portal.url, log, store, config: () => current.config, signIn, assets: loadAssets(), setup, counts })
  const server = await openHttpServer({
    endpoint: current.portal,
    certificates,
    trustedProxies: () => current.trustedProxies,
    serve: (request, facts) => app.fetch(request, facts),
    log,
  })
  closers.push(() => server.close())
  const mailServer = () => current.portal.mail && { ...current.portal.mail, hostname: current.config.hostname }
  const notices = new NoticeSender({ store, server: mailServer, url: current.portal.url, log, now, counted: is => counts.mail(is) })
  closers.push(() => notices.close())
  notices.start()
  closers.push(watchStore(store, counts))
  return {
    address: server.address,
    url: current.portal.url,
    takeFigures: () => counts.take(),
    reload: async () => {
      try {
        const next = loadConfig({ file: config.path, cwd: '/' })
        const useCertificates = await certificates?.prepare(next.certificates)
        Object.assign(current, await readCurrent(next, log))
        useCertificates?.()
        log.setLevel(next.logLevel)
      } catch (error) {
        log.error('config.rejected', { file: config.path, problems: [(error as Error).message], advice: 'the portal goes on with what was in force' })
      }
    },
    close: () => closeAll(closers),
  }
}

const WATCH_MS = 10_000

/** What is counted in the store, for the metrics. */
function watchStore(store: OpenedStore, counts: PortalCounts): Closer {
  const { portalSessions, notices } = store.as({ name: 'portal', source: 'metrics' })
  const look = async () => counts.found({ sessions: await portalSessions.count(), mailsWaiting: (await notices.counts()).waiting })
  // A store that is away is told of elsewhere.
  const timer = setInterval(() => void look().catch(() => counts.found({ sessions: undefined, mailsWaiting: undefined })), WATCH_MS)
  return () => clearInterval(timer)
}

async function readCurrent(config: Config, log: LevelledLog) {
  const portal = portalOf(config)
  const { trustedProxies, profileCertificate } = portal
  const signer = profileCertificate === undefined ? undefined : await openProfileSigner(profileCertificate, log)
  return { config, portal, trustedProxies: trustedProxies.map(parseCidr), signer }
}

function portalOf({ portal }: Config): PortalConfig {
  if (portal === undefined) throw new Error('the configuration has no section [portal]')
  return portal
}

async function closeAll(closers: Closer[]): Promise<void> {
  for (const close of closers.reverse()) await close()
}
