/**
 * The least SMTP client that a load needs: TLS, AUTH PLAIN, messages pipelined as RFC 2920 allows. It counts on the benign servers of a run.
 */
import { connectTls, type Target } from './tls-socket.ts'

const ENVELOPE = 'MAIL FROM:<bench@example.test>\r\nRCPT TO:<somebody@example.org>\r\nDATA\r\n'

/** More than anybody writes: an attachment. */
const LARGE_BYTES = 100_000

/** A message of so many bytes with its final dot: text, or what an attachment looks like. No line begins with a dot. */
export function makeMessage(bytes: number): Buffer {
  const head = 'From: bench@example.test\r\nTo: somebody@example.org\r\nSubject: bench\r\n\r\n'
  const words =
    bytes < LARGE_BYTES ? 'The quick brown fox jumps over the lazy dog. 0123456789 ' : 'JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9G'
  const line = `${words.repeat(2).slice(0, 76)}\r\n`
  const body = Buffer.alloc(bytes - head.length, line)
  return Buffer.concat([Buffer.from(head), body, Buffer.from('\r\n.\r\n')])
}

/** Connects, logs in, sends the message so many times, each with the next one's envelope behind it (RFC 2920 §3.1), and leaves. */
export async function submit(target: Target, message: Buffer, times: number): Promise<void> {
  const replies = new Replies()
  const socket = connectTls(target, (bytes, buffer) => replies.take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1')))
  socket.on('error', error => replies.fail(error))
  socket.on('close', () => replies.fail(new Error('the server closed')))
  const say = (data: string | Buffer, ...codes: readonly number[]) => {
    socket.write(data)
    return replies.expect(codes)
  }
  await replies.expect([220])
  await say('EHLO bench.example.test\r\n', 250)
  await say(`AUTH PLAIN ${Buffer.from(`\0${target.user}\0${target.secret}`).toString('base64')}\r\n`, 235)
  await say(ENVELOPE, 250, 250, 354)
  const withNext = times === 1 ? message : Buffer.concat([message, Buffer.from(ENVELOPE)])
  for (let left = times; left > 1; left--) await say(withNext, 250, 250, 250, 354)
  await say(message, 250)
  await say('QUIT\r\n', 221)
  socket.destroy()
}

/** Waits for replies of the expected codes, in order. */
class Replies {
  #text = ''
  #codes: number[] = []
  #failed: Error | undefined
  #waiting: { readonly codes: readonly number[]; resolve(): void; reject(error: Error): void } | undefined

  expect(codes: readonly number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { codes, resolve, reject }
      this.#look()
    })
  }

  take(text: string): void {
    const lines = (this.#text + text).split('\r\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) {
      if (line[3] !== '-') this.#codes.push(Number(line.slice(0, 3)))
    }
    this.#look()
  }

  fail(error: Error): void {
    this.#failed ??= error
    this.#look()
  }

  #look(): void {
    if (this.#waiting === undefined) return
    const { codes, resolve, reject } = this.#waiting
    const got = this.#codes.slice(0, codes.length)
    if (got.some((code, index) => code !== codes[index])) this.#failed ??= new Error(`replies ${got} in place of ${codes}`)
    if (got.length < codes.length && this.#failed === undefined) return
    this.#waiting = undefined
    this.#codes = this.#codes.slice(codes.length)
    if (this.#failed === undefined) resolve()
    else reject(this.#failed)
  }
}
