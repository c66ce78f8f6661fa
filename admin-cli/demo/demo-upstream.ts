/**
 * The mail server behind the demo: a small IMAP server on 127.0.0.1, without TLS, everything in memory.
 * It is enough for a look around with a mail app; it lacks commands of a real server (SORT, THREAD, QUOTA, COMPRESS …).
 */
import { createServer, type Socket } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'
import { DemoMailbox } from './demo-imap-mailbox.ts'
import { type DemoAccount, DemoImapSession } from './demo-imap-session.ts'
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
  const inbox = mailbox(undefined, mail.inbox)
  const account: DemoAccount = {
    address,
    password,
    mailboxes: new Map([
      ['INBOX', inbox],
      ['Archive', mailbox('\\Archive', [])],
      ['Drafts', mailbox('\\Drafts', mail.drafts)],
      ['Junk', mailbox('\\Junk', [])],
      ['Sent', mailbox('\\Sent', mail.sent)],
      ['Trash', mailbox('\\Trash', [])],
    ]),
  }
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    void new DemoImapSession(account, socket).run()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new MailwicketError('LISTEN_FAILED', { message: `127.0.0.1:${port}: ${error.message}`, cause: error })))
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    deliver: message => void inbox.append(message.toString('latin1'), Date.now(), []),
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function mailbox(specialUse: string | undefined, messages: readonly DemoMessage[]): DemoMailbox {
  const made = new DemoMailbox(specialUse)
  for (const { raw, at, flags } of messages) made.append(raw, at, flags)
  return made
}
