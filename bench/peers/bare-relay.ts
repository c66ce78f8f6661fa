/**
 * The least that Node can do between a client and an upstream: TLS taken off, bytes copied, nothing read of them. What it costs is Node's own price.
 *
 *   node bench/peers/bare-relay.ts PORT UPSTREAM-PORT CERT-FILE KEY-FILE
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

const [port, upstreamPort, certFile = '', keyFile = ''] = process.argv.slice(2)
const secureContext = createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) })

createServer({ noDelay: true }, socket => {
  const client = new TLSSocket(socket, { isServer: true, secureContext })
  const upstream = connect({ port: Number(upstreamPort), host: '127.0.0.1', noDelay: true })
  copy(client, upstream)
  copy(upstream, client)
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })

function copy(from: Socket, to: Socket): void {
  from.on('data', chunk => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
}
