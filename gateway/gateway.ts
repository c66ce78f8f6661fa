/**
 * Puts the gateway together and takes it apart again: store, certificates, sessions, listeners.
 * It serves as soon as the `ready` line is out, which is after every listener is bound.
 */
import type { Config } from '../base/config.ts'
import { refuseUnavailable } from '../base/config-available.ts'
import type { Log, LogSink } from '../base/log.ts'
import { openCertificates } from '../certs/certificates.ts'
import type { GatewayStore } from '../store/gateway-store.ts'
import { loadKeyring } from '../store/master-key.ts'
import { openGatewayStore } from '../store/open-gateway-store.ts'
import { PasswordHasher } from '../store/password-hash.ts'
import type { Connection } from './connection.ts'
import { makeImapConnector } from './imap/imap-route.ts'
import { type ImapServices, ImapSession } from './imap/imap-session.ts'
import { LIMITS } from './limits.ts'
import { type Listener, openListener } from './listener.ts'
import { LiveSessions } from './live-sessions.ts'
import type { LoginServices } from './login.ts'
import { Recorder } from './recorder.ts'
import { Revocation } from './revocation.ts'
import { openRoutes } from './routes.ts'
import { SendingLedger } from './smtp/sending-ledger.ts'
import { FrontDoor } from './smtp/smtp-front-door.ts'
import { makeSmtpConnector } from './smtp/smtp-route.ts'
import { type SmtpServices, SmtpSession } from './smtp/smtp-session.ts'

export interface Gateway {
  readonly listen: readonly Pick<Listener, 'protocol' | 'address' | 'tls'>[]
  /** SIGHUP: reads the certificates again; bad ones are logged and the old ones stay. */
  reload(): Promise<void>
  /** Says goodbye to every session and closes everything. */
  stop(): Promise<void>
}

export interface GatewayOptions {
  readonly config: Config
  /** The environment, for the master key. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** Where the ready line goes. */
  readonly out: LogSink
}

/** Throws what the parts throw: CONFIG_INVALID, KEY_…, STORE_…, CERTIFICATE_INVALID, LISTEN_FAILED. Then nothing is left open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  // How to close what was opened, in the order of opening.
  const closers: Closer[] = []
  try {
    return await openParts(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

type Closer = () => void | Promise<void>

async function openParts({ config, env, log, out }: GatewayOptions, closers: Closer[]): Promise<Gateway> {
  refuseUnavailable(config)
  const routes = openRoutes(config.upstreams)
  const connectImap = makeImapConnector(config.upstreams)
  const connectSmtp = makeSmtpConnector(config.upstreams, config.hostname)
  const certificates = await openCertificates({ files: config.certificates, log })
  closers.push(() => certificates.close())
  const store = await openGatewayStore({ config, keyring: loadKeyring({ dataDir: config.dataDir, env }) })
  closers.push(() => store.close())
  const { unchecked, ms } = store.integrity
  if (unchecked.length === 0) log.info('store.checked', { ms })
  else log.warn('store.checked', { ms, unchecked, advice: 'run `mailwicket check`, which looks at all of the store' })
  const live = new LiveSessions()
  const recorder = new Recorder(store, live, log)
  const services: LoginServices & { live: LiveSessions } = {
    config,
    store,
    hasher: new PasswordHasher(),
    recorder,
    live,
    routeOf: mailbox => routes(mailbox, store),
    log,
  }
  const imap: ImapServices = { ...services, connect: connectImap }
  const smtp: SmtpServices = { ...services, connect: connectSmtp, frontDoor: await openFrontDoor(config, store, recorder), ledger: new SendingLedger() }
  closers.push(
    () => recorder.stop(),
    () => endAll(live),
  )
  const waiting = { count: 0 }
  const serve = {
    imap: (connection: Connection) => new ImapSession(imap, connection, log).run(),
    submission: (connection: Connection) => new SmtpSession(smtp, connection, log).run(),
  }
  const listeners: Listener[] = []
  for (const listen of config.listen) {
    const listener = await openListener(listen, { certificates, log, waiting, serve: serve[listen.protocol] })
    closers.push(() => listener.close())
    listeners.push(listener)
  }
  recorder.start()
  const revocation = new Revocation(store, live, log)
  revocation.start()
  closers.push(() => revocation.stop())
  const listen = listeners.map(({ protocol, address, tls }) => ({ protocol, address, tls }))
  out.write(`${JSON.stringify({ event: 'ready', listen, hostname: config.hostname, node: store.node, pid: process.pid })}\n`)
  return {
    listen,
    reload: async () => {
      await certificates.reload()
      log.info('certificates.reread', { daysLeft: certificates.daysLeft() })
    },
    stop: async () => {
      log.info('stopping', { sessions: live.size })
      await closeAll(closers)
      log.info('stopped')
    },
  }
}

/** Offers from the first connection on what was learnt from the upstreams in earlier runs. */
async function openFrontDoor({ hostname, upstreams }: Config, store: GatewayStore, recorder: Recorder): Promise<FrontDoor> {
  const names = upstreams.filter(({ submission }) => submission !== undefined).map(({ name }) => name)
  return new FrontDoor({
    hostname,
    upstreams: names,
    known: await store.readUpstreamKeywords(),
    onLearnt: (upstream, keywords) => recorder.learnt({ upstream, keywords }),
  })
}

async function closeAll(closers: Closer[]): Promise<void> {
  for (const close of closers.reverse()) await close()
}

/** Says goodbye to every session. Farewells need a moment; who does not take his is destroyed by his own timer. */
async function endAll(live: LiveSessions): Promise<void> {
  live.close()
  const giveUpAt = Date.now() + 2 * LIMITS.farewellMs
  while (live.size > 0 && Date.now() < giveUpAt) await new Promise(resolve => setTimeout(resolve, 20))
}
