/** Every verb in every disguise: there is one reader of commands, and what smtp-server could do with TLS, logins and messages is never reached. */
import { X509Certificate } from 'node:crypto'
import { Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { SMTPServer } from 'smtp-server'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { silentLog } from '../../base/log.ts'
import { makePem, type Pem } from '../../certs/certificate-fixture.ts'
import type { Certificates } from '../../certs/certificates.ts'
import { openLimiterForAll } from '../abuse/limiter-fixture.ts'
import { LIMITS } from '../limits.ts'
import { Connection } from '../listen/connection.ts'
import { openTcpPair } from '../listen/tcp-pair-fixture.ts'
import { Metrics } from '../monitoring/metrics.ts'
import { LiveSessions } from '../sessions/live-sessions.ts'
import type { SmtpServices } from './smtp-dialogue.ts'
import { SmtpServerAdapter } from './smtp-server-adapter.ts'
import { SmtpSession } from './smtp-session.ts'

let pem: Pem
/** The class of smtp-server's connections, with a method for each verb. */
let library: Record<string, unknown>
beforeAll(async () => {
  pem = await makePem({ names: ['localhost'] })
  const server = new SMTPServer({ logger: false, secure: true, secured: true })
  const ours = new Socket()
  server.connect(ours as never, undefined as never)
  const [connection] = server.connections
  library = Object.getPrototypeOf(connection)
  ours.destroy()
})
afterEach(() => void vi.restoreAllMocks())

const handlers = () => Object.getOwnPropertyNames(library).filter(name => name.startsWith('handler_'))
/** What may be its to answer. */
const PASSED: ReadonlySet<string> = new Set(['handler_NOOP', 'handler_RSET', 'handler_HELP', 'handler_VRFY'])

const open: { destroy(): unknown }[] = []
afterEach(() => {
  for (const one of open.splice(0).reverse()) one.destroy()
})

async function openSession(security: 'plain' | 'secure') {
  const [client, ours] = await openTcpPair()
  open.push(client, ours)
  const certificates = { offer: () => ({ secureContext: createSecureContext(pem) }) } as unknown as Certificates
  const listen = { protocol: 'submission', tls: 'starttls', host: '127.0.0.1', port: 0, proxyProtocolFrom: undefined, minTls: '1.2' } as const
  const connection = new Connection(ours, listen, certificates, LIMITS)
  if (security === 'secure') connection.tls = 'TLSv1.3'
  const services = {
    limits: LIMITS,
    limiter: openLimiterForAll(),
    live: new LiveSessions(),
    metrics: new Metrics(),
    recorder: { ended: () => {} },
    smtpServer: new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: [], known: new Map(), onLearnt: () => {} }),
  } as unknown as SmtpServices
  let said = ''
  client.on('data', chunk => {
    said += chunk
  })
  client.on('error', () => {})
  void new SmtpSession(services, connection, silentLog).run()
  await vi.waitFor(() => expect(said).toMatch(/^220 .*\r\n/), { interval: 2, timeout: 10_000 })
  return { client, reply: () => said.slice(said.indexOf('\r\n') + 2) }
}

const disguises: Readonly<Record<string, (verb: string) => string>> = {
  'as it is': verb => verb,
  'a blank behind it': verb => `${verb} `,
  'blanks behind it': verb => `${verb}    `,
  'a TAB behind it': verb => `${verb}\t`,
  'a NUL behind it': verb => `${verb}\0`,
  'a NUL and a blank': verb => `${verb}\0 x`,
  'a CR behind it': verb => `${verb}\r`,
  'an argument': verb => `${verb} x`,
  'a TAB and an argument': verb => `${verb}\tx`,
  'lower case': verb => verb.toLowerCase(),
  'lower case and a blank': verb => `${verb.toLowerCase()} `,
  'a blank before it': verb => ` ${verb}`,
  'a TAB before it': verb => `\t${verb}`,
  'a NUL before it': verb => `\0${verb}`,
  'another command before it': verb => `NOOP\r${verb}`,
}

describe.each(['plain', 'secure'] as const)('%s', security => {
  it.each(Object.entries(disguises))('%s', async (_name, disguise) => {
    const names = handlers()
    expect(names.length).toBeGreaterThan(10)
    const reached: string[] = []
    for (const name of names) {
      const original = library[name] as (...given: unknown[]) => unknown
      vi.spyOn(library as Record<string, () => unknown>, name).mockImplementation(function (this: unknown, ...given: unknown[]) {
        reached.push(name)
        return original.apply(this, given)
      } as never)
    }
    const upgrade = vi.spyOn(library as Record<string, () => unknown>, 'upgrade')
    const verbs = [...names.map(name => name.slice('handler_'.length)), 'BDAT', 'LHLO', 'constructor']
    await Promise.all(
      verbs.map(async verb => {
        const { client, reply } = await openSession(security)
        client.write(`${disguise(verb)}\r\n`)
        await vi.waitFor(() => expect(reply()).toMatch(/^\d{3} .*\r\n$/m), { interval: 2, timeout: 20_000 })
        if (!reply().startsWith('220')) return
        const tls = await secure(client)
        expect(tls.getPeerCertificate().raw.toString('base64')).toBe(new X509Certificate(pem.cert).raw.toString('base64'))
      }),
    )
    expect(reached.filter(name => !PASSED.has(name))).toEqual([])
    expect(upgrade).not.toHaveBeenCalled()
  })
})

function secure(socket: Socket): Promise<TLSSocket> {
  socket.removeAllListeners('data')
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, rejectUnauthorized: false }, () => resolve(tls))
    open.push(tls)
    tls.once('error', reject)
  })
}

it('smtp-server has no key with which it could begin TLS', () => {
  const { server } = new SmtpServerAdapter({ hostname: 'mail.example.com', upstreams: [], known: new Map(), onLearnt: () => {} })
  expect(server.options).not.toHaveProperty('key')
  expect(server.options).not.toHaveProperty('cert')
  expect((server as unknown as { secureContext: Map<string, unknown> }).secureContext.size).toBe(0)
})
