/**
 * An IMAP server of which nothing is wanted but that it is there: it takes every login and keeps silent. Runs as a process of its own, and as several on
 * one port, where one has not descriptors enough: `imap-stub.ts PORT`.
 */
import { createServer } from 'node:net'

const CAPABILITIES = 'CAPABILITY IMAP4rev1 SASL-IR LITERAL+ IDLE ID'

function answer(line: string): string {
  const [tag = '', verb = ''] = line.split(' ')
  switch (verb.toUpperCase()) {
    case 'CAPABILITY':
      return `* ${CAPABILITIES}\r\n${tag} OK Done\r\n`
    case 'LOGIN':
    case 'AUTHENTICATE':
      return `${tag} OK [${CAPABILITIES}] Welcome\r\n`
    case 'LOGOUT':
      return `* BYE Bye\r\n${tag} OK Done\r\n`
    case 'ID':
      return `* ID NIL\r\n${tag} OK Done\r\n`
    default:
      return `${tag} OK Done\r\n`
  }
}

const server = createServer({ noDelay: true }, socket => {
  let rest = ''
  socket.on('data', chunk => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n')
    rest = lines.pop() ?? ''
    const said = lines.map(answer).join('')
    if (said.includes('* BYE')) socket.end(said)
    else if (said !== '') socket.write(said)
  })
  socket.on('error', () => socket.destroy())
  socket.write(`* OK [${CAPABILITIES}] Stub\r\n`)
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096, reusePort: true })
