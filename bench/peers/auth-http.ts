/**
 * The authority that nginx's mail module asks (its auth_http protocol): one device secret, one upstream.
 * Runs as a process of its own: `auth-http.ts PORT JSON`.
 */
import { createServer } from 'node:http'

interface Answer {
  readonly secret: string
  readonly host: string
  readonly port: number
  readonly upstreamSecret: string
}

const answer = JSON.parse(process.argv[3] ?? '') as Answer

createServer((request, response) => {
  const good = request.headers['auth-pass'] === answer.secret
  response.writeHead(
    200,
    good
      ? { 'Auth-Status': 'OK', 'Auth-Server': answer.host, 'Auth-Port': String(answer.port), 'Auth-Pass': answer.upstreamSecret }
      : { 'Auth-Status': 'Invalid login or password' },
  )
  response.end()
}).listen(Number(process.argv[2]), '127.0.0.1')
