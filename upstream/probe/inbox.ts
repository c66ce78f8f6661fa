/**
 * Lists the folders and opens INBOX over a connection that is logged in already. The only adapter for imapflow, which is a mail client here and
 * nothing else: it never sees a secret.
 *
 * imapflow opens its connections itself, so it gets one to a Unix socket in a folder of our own, where it is greeted as logged in (PREAUTH).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ImapFlow } from 'imapflow'
import type { ImapUpstream } from '../imap/imap-upstream.ts'
import { sanitise } from '../upstream-failure.ts'

/** A person waits for it. */
const INBOX_TIMEOUT_MS = 10_000
/** A server that says more than this to LIST and SELECT is broken or hostile. */
const MAX_RESPONSE_BYTES = 1024 * 1024

/** Undefined: INBOX is there and opens. Closes the connection. */
export async function findInboxProblem({ socket: far, unread, capabilities }: ImapUpstream, signal: AbortSignal): Promise<string | undefined> {
  // SECURITY: mode 0700: nobody else can connect to a session that is logged in.
  const folder = mkdtempSync(join(tmpdir(), 'mailwicket-inbox-'))
  const path = join(folder, 'imap')
  far.on('error', () => {})
  const server = createServer(near => {
    server.close()
    near.on('error', () => far.destroy())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.write(`* PREAUTH [CAPABILITY ${capabilities}] ready\r\n`)
    near.write(unread)
    near.pipe(far)
    far.pipe(near)
  })
  const client = new ImapFlow({
    host: 'localhost',
    port: 143,
    secure: false,
    doSTARTTLS: false,
    // What is in here goes to net.connect as it is.
    tls: { path } as object,
    logger: false,
    clientInfo: { name: 'Mailwicket' },
    disableCompression: true,
    disableAutoEnable: true,
    connectionTimeout: INBOX_TIMEOUT_MS,
    greetingTimeout: INBOX_TIMEOUT_MS,
    socketTimeout: INBOX_TIMEOUT_MS,
    maxLineLength: MAX_RESPONSE_BYTES,
    maxLiteralSize: MAX_RESPONSE_BYTES,
    maxResponseSize: MAX_RESPONSE_BYTES,
  })
  // An EventEmitter without a listener would end the process; what is emitted is also thrown.
  client.on('error', () => {})
  const onAbort = () => client.close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    await client.connect()
    await client.list()
    await client.mailboxOpen('INBOX')
    await client.logout()
    return undefined
  } catch (error) {
    return sayProblem(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
    client.close()
    server.close()
    far.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The server's own words; never the library's, which speak of its own affairs. */
function sayProblem(error: unknown): string {
  const { response, responseText } = error as { readonly response?: unknown; readonly responseText?: unknown }
  const words = [responseText, response].find(text => typeof text === 'string' && text !== '')
  return typeof words === 'string' ? sanitise(words) : 'it does not answer LIST and SELECT INBOX as a mail client expects'
}
