/**
 * Sockets that the service manager has opened for us (systemd's socket activation, sd_listen_fds(3)): found in the environment,
 * matched to the `[[listen]]` sections by the address they are bound to, else by their name.
 *
 * Invariant: every one of them is used. One that nobody serves would take connections that nobody answers: it is an error.
 */
import type { Server } from 'node:net'
import { MailwicketError } from '../../base/errors.ts'
import { formatEndpoint, normaliseIp } from '../../base/network.ts'
import type { ListenConfig } from '../../config/config.ts'
import { type ListenerServices, listenOn, makeServer } from './listener.ts'

/** The first descriptor after standard input, output and error. */
const FIRST_FD = 3
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

export interface PassedDescriptor {
  readonly fd: number
  /** `FileDescriptorName=` of the socket unit, by default the name of the unit. */
  readonly name: string
}

export interface InheritedSocket extends PassedDescriptor {
  readonly server: Server
  readonly host: string
  readonly port: number
}

/** What was passed to this process; nothing where the variables speak to another one. */
export function findPassedDescriptors(env: Readonly<Record<string, string | undefined>>, pid: number): PassedDescriptor[] {
  const count = Number(env['LISTEN_FDS'] ?? 0)
  if (Number(env['LISTEN_PID']) !== pid || !Number.isInteger(count) || count <= 0) return []
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
  return Array.from({ length: count }, (_, at) => ({ fd: FIRST_FD + at, name: names[at] ?? '' }))
}

/**
 * Listens on each of them. To be matched in the same turn of the loop: until somebody takes the connections they are lost.
 * Throws LISTEN_FAILED for what is no listening TCP socket.
 */
export function openInherited(descriptors: readonly PassedDescriptor[], services: Pick<ListenerServices, 'pauseOnConnect'>): InheritedSocket[] {
  const opened: InheritedSocket[] = []
  for (const { fd, name } of descriptors) {
    const server = makeServer(services)
    // Told a moment later; that there is no address is known now.
    server.on('error', () => {})
    listenOn(server, fd)
    const bound = server.address()
    if (bound === null || typeof bound === 'string') {
      for (const one of [...opened.map(({ server }) => server), server]) one.close()
      throw new MailwicketError('LISTEN_FAILED', {
        message: `the service manager passes descriptor ${fd} (${name}), which is no listening TCP socket`,
        remedy: 'Correct ListenStream= in the socket unit: an address and a port each, as in `[[listen]]`.',
      })
    }
    opened.push({ fd, name, server, host: normaliseIp(bound.address), port: bound.port })
  }
  return opened
}

/** Which section each socket serves. Throws LISTEN_FAILED when one is left over. */
export function matchInherited<Socket extends Pick<InheritedSocket, 'name' | 'host' | 'port'>>(
  sockets: readonly Socket[],
  listen: readonly ListenConfig[],
): Map<ListenConfig, Socket> {
  const matched = new Map<ListenConfig, Socket>()
  const left = new Set(sockets)
  const matches: ((socket: Socket, section: ListenConfig) => boolean)[] = [
    (socket, section) => socket.port === section.port && socket.host === normaliseIp(section.host),
    // `ListenStream=993` is [::]:993 and takes IPv4 too.
    (socket, section) => socket.port === section.port && WILDCARDS.has(socket.host) && WILDCARDS.has(section.host),
    (socket, section) => socket.name === serviceNameOf(section),
  ]
  for (const isMatch of matches)
    for (const socket of left) {
      const section = listen.find(one => !matched.has(one) && isMatch(socket, one))
      if (section === undefined) continue
      matched.set(section, socket)
      left.delete(socket)
    }
  if (left.size > 0) throw leftOver([...left])
  return matched
}

/** The name in /etc/services for what the section serves. */
function serviceNameOf({ protocol, tls }: ListenConfig): string {
  return tls === 'implicit' ? `${protocol}s` : protocol
}

function leftOver(sockets: readonly Pick<InheritedSocket, 'name' | 'host' | 'port'>[]): MailwicketError {
  const listed = sockets.map(socket => `${formatEndpoint(socket)} (${socket.name})`).join(', ')
  return new MailwicketError('LISTEN_FAILED', {
    message: `the service manager passes sockets that no [[listen]] section is for: ${listed}`,
    remedy: 'Add a [[listen]] section with that address, or remove the ListenStream= line from the socket unit and restart it.',
  })
}
