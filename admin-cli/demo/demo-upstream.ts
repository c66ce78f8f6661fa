/**
 * The mail server behind the demo: hoodiecrow-imap on 127.0.0.1, without TLS, everything in memory. The only adapter for it.
 * It is enough for a look around with a mail app; it lacks commands of a real server (SORT, THREAD, QUOTA, COMPRESS …).
 */
import type { Socket } from 'node:net'
import hoodiecrow, { type StoredFolder, type StoredMessage } from 'hoodiecrow-imap'
import { MailwicketError } from '../../base/errors.ts'
import { type DemoMessage, makeDemoMail } from './demo-messages.ts'

export interface DemoUpstream {
  readonly port: number
  /** Puts a message into the INBOX; open sessions see it at once. */
  deliver(message: Buffer): void
  close(): Promise<void>
}

/** Starts it; `port` 0 takes any. Throws LISTEN_FAILED. */
export async function startDemoUpstream(options: { address: string; password: string; port: number; now: number }): Promise<DemoUpstream> {
  const { address, password, port, now } = options
  const mail = makeDemoMail(address, now)
  const server = hoodiecrow({
    plugins: ['ID', 'SASL-IR', 'AUTH-PLAIN', 'NAMESPACE', 'IDLE', 'ENABLE', 'LITERALPLUS', 'UNSELECT', 'SPECIAL-USE'],
    id: { name: 'Mailwicket demo' },
    users: { [address]: { password } },
    storage: {
      INBOX: { messages: mail.inbox.map(toStored) },
      '': {
        separator: '/',
        folders: {
          Archive: folder('\\Archive', []),
          Drafts: folder('\\Drafts', mail.drafts),
          Junk: folder('\\Junk', []),
          Sent: folder('\\Sent', mail.sent),
          Trash: folder('\\Trash', []),
        },
      },
    },
  })
  // One listener a connection is how it works, no leak: Node would warn from the eleventh.
  server.setMaxListeners(0)
  const sockets = new Set<Socket>()
  server.server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', error => reject(new MailwicketError('LISTEN_FAILED', { message: `127.0.0.1:${port}: ${error.message}`, cause: error })))
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = server.server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    deliver: message => void server.appendMessage('INBOX', [], undefined, message.toString('latin1')),
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(resolve)
      }),
  }
}

function folder(specialUse: string, messages: readonly DemoMessage[]): StoredFolder {
  return { 'special-use': specialUse, messages: messages.map(toStored), subscribed: true }
}

function toStored({ raw, at, flags }: DemoMessage): StoredMessage {
  return { raw, flags: [...flags], internaldate: formatInternalDate(at) }
}

/** RFC 3501 §9 date-time, in UTC: `14-Sep-2013 21:22:28 +0000`. */
function formatInternalDate(at: number): string {
  const [, day, month, year, time] = new Date(at).toUTCString().split(' ')
  return `${day}-${month}-${year} ${time} +0000`
}
