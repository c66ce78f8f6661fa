/** An upstream over TCP that behaves as a test scripts it: what it says at once, and to each line it hears. Closed after each test. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { UpstreamTls } from '../config/config.ts'
import { UpstreamDialler } from './upstream-dialler.ts'

export type Script = (say: (text: string) => void, socket: Socket) => (line: string) => void

/** Starts it; `heard` grows with each line, `dialler` leads there. */
export async function openScriptedUpstream(script: Script, tls: UpstreamTls): Promise<{ heard: string[]; dialler: UpstreamDialler }> {
  const heard: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    const onLine = script(text => void socket.write(text), socket)
    let rest = ''
    socket.on('data', chunk => {
      rest += chunk.toString('latin1')
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        heard.push(line)
        onLine(line)
      }
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { heard, dialler: new UpstreamDialler({ host: '127.0.0.1', port, tls }) }
}
