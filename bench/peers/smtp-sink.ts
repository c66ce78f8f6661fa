/**
 * The submission server behind all peers: takes every message and throws it away, as cheaply as it can. One password, plain TCP on loopback.
 * Runs as a process of its own: `smtp-sink.ts PORT SECRET`. It prints what it took when it is told to end.
 */
import { createServer, type Socket } from 'node:net'

const port = Number(process.argv[2])
const secret = process.argv[3] ?? ''
const END = '\r\n.\r\n'

let messages = 0
let bytes = 0

class Session {
  #state: 'commands' | 'data' | 'user' | 'password' = 'commands'
  /** Of commands: a line that is not complete. Of data: the last bytes, where END may have begun. */
  #rest = ''

  /** Takes one chunk; gives all replies to it. */
  take(chunk: Buffer): string {
    let replies = ''
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'data') {
        const end = this.#findEnd(chunk, at)
        if (end === undefined) return replies
        at = end
        messages++
        this.#state = 'commands'
        this.#rest = ''
        replies += '250 2.0.0 Taken\r\n'
        continue
      }
      const end = chunk.indexOf(10, at)
      const line = this.#rest + chunk.toString('latin1', at, end === -1 ? chunk.length : end + 1)
      this.#rest = end === -1 ? line : ''
      if (end === -1) return replies
      at = end + 1
      replies += this.#command(line.trimEnd())
    }
    return replies
  }

  /** The byte behind the end of the message. */
  #findEnd(chunk: Buffer, from: number): number | undefined {
    const seam = this.#rest + chunk.toString('latin1', from, from + END.length - 1)
    const atSeam = seam.indexOf(END)
    const inChunk = atSeam === -1 ? chunk.indexOf(END, from, 'latin1') : -1
    const end = atSeam === -1 ? inChunk + END.length : from + atSeam + END.length - this.#rest.length
    if (atSeam === -1 && inChunk === -1) {
      bytes += chunk.length - from
      this.#rest = (this.#rest + chunk.toString('latin1', Math.max(from, chunk.length - END.length + 1))).slice(1 - END.length)
      return undefined
    }
    bytes += end - from
    return end
  }

  #command(line: string): string {
    if (this.#state === 'user') {
      this.#state = 'password'
      return '334 UGFzc3dvcmQ6\r\n'
    }
    if (this.#state === 'password') {
      this.#state = 'commands'
      return judge(Buffer.from(line, 'base64').toString())
    }
    const [verb = '', mechanism, response = ''] = line.toUpperCase().split(' ')
    switch (verb) {
      case 'EHLO':
        return '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 104857600\r\n250 AUTH PLAIN LOGIN\r\n'
      case 'AUTH':
        // Base64 knows upper and lower case: from the line itself.
        if (mechanism === 'PLAIN') return judge(Buffer.from(line.slice(-response.length), 'base64').toString().split('\0')[2])
        this.#state = 'user'
        return '334 VXNlcm5hbWU6\r\n'
      case 'DATA':
        this.#state = 'data'
        this.#rest = '\r\n' // an empty message is its dot alone
        return '354 Go on\r\n'
      case 'QUIT':
        return '221 2.0.0 Bye\r\n'
      case 'MAIL':
      case 'RCPT':
      case 'RSET':
      case 'NOOP':
        return '250 2.0.0 OK\r\n'
      default:
        return '502 5.5.1 Not here\r\n'
    }
  }
}

function judge(password: string | undefined): string {
  return password === secret ? '235 2.7.0 Welcome\r\n' : '535 5.7.8 No\r\n'
}

function serve(socket: Socket): void {
  const session = new Session()
  socket.on('data', (chunk: Buffer) => {
    const replies = session.take(chunk)
    if (replies === '') return
    socket.write(replies)
    if (replies.includes('221 ')) socket.end()
  })
  socket.on('error', () => socket.destroy())
  socket.write('220 sink ESMTP\r\n')
}

createServer({ noDelay: true }, serve).listen(port, '127.0.0.1')
process.once('SIGTERM', () => {
  console.log(`${messages} messages, ${bytes} bytes`)
  process.exit()
})
