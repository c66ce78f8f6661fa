/**
 * The sending half of the mail server behind the demo: smtp-server on 127.0.0.1, without TLS. Takes mail to the demo's own mailbox and
 * refuses every other recipient: nothing leaves this machine.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server'
import { MailwicketError } from '../../base/errors.ts'

export interface DemoSubmission {
  readonly port: number
  close(): Promise<void>
}

export interface DemoSubmissionOptions {
  readonly address: string
  readonly password: string
  /** 0 takes any. */
  readonly port: number
  readonly deliver: (message: Buffer) => void
}

/** Larger than what people attach; the demo keeps its mail in memory. */
const MAX_MESSAGE_BYTES = 25 * 1024 * 1024

/** Starts it. Throws LISTEN_FAILED. */
export async function startDemoSubmission({ address, password, port, deliver }: DemoSubmissionOptions): Promise<DemoSubmission> {
  const server = new SMTPServer({
    name: 'demo.localhost',
    banner: 'Mailwicket demo',
    size: MAX_MESSAGE_BYTES,
    hideSTARTTLS: true,
    // The gateway is on this machine, and so is this server.
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN'],
    disableReverseLookup: true,
    logger: false,
    onAuth: ({ username = '', password: given }, _session, done) => {
      if (username === address && isSame(given ?? '', password)) done(null, { user: address })
      else done(refusal(535, 'Wrong user name or password'))
    },
    onRcptTo: (recipient, _session, done) => {
      if (recipient.address.toLowerCase() === address) done()
      else done(refusal(550, `The demo delivers to ${address} only; nothing leaves this machine`))
    },
    onData: (stream, _session, done) => {
      readAll(stream).then(
        message => {
          if (stream.sizeExceeded) return done(refusal(552, 'Too large for the demo'))
          deliver(message)
          done(null, 'Delivered to the mailbox of the demo')
        },
        (error: Error) => done(error),
      )
    },
  })
  // What a client does wrong ends its connection; nobody else has to hear of it.
  server.on('error', () => {})
  const sockets = new Set<Socket>()
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', (error: Error) =>
      reject(new MailwicketError('LISTEN_FAILED', { message: `127.0.0.1:${port}: ${error.message}`, cause: error })),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = server.server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function refusal(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

async function readAll(stream: SMTPServerDataStream): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream as AsyncIterable<Buffer>) if (!stream.sizeExceeded) parts.push(part)
  return Buffer.concat(parts)
}
