/**
 * All listeners of the configuration: opened together, and changed together by a reload.
 */

import { MailwicketError } from '../../base/errors.ts'
import { formatEndpoint } from '../../base/network.ts'
import type { ListenConfig } from '../../config/config.ts'
import { findPassedDescriptors, matchInherited, openInherited } from './inherited-sockets.ts'
import { Listener, type ListenerServices, type ListenFacts, openListener } from './listener.ts'

export interface ListenersOptions {
  readonly listen: readonly ListenConfig[]
  /** The environment, for sockets that the service manager has opened. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly services: ListenerServices
}

/** New listeners are bound and wait; `commit` lets them take the place of the old ones. */
export interface PreparedListeners {
  commit(): void
  abandon(): void
}

/** Throws LISTEN_FAILED; then none is left open. */
export async function openListeners({ listen, env, services }: ListenersOptions): Promise<Listeners> {
  const inherited = openInherited(findPassedDescriptors(env, process.pid), services)
  const opened = new Map<ListenConfig, Listener>()
  try {
    const matched = matchInherited(inherited, listen)
    for (const [section, { server }] of matched) opened.set(section, new Listener(server, section, services, 'service-manager'))
    for (const section of listen) if (!opened.has(section)) opened.set(section, await openListener(section, services))
  } catch (error) {
    for (const { server } of inherited) server.close()
    for (const listener of opened.values()) listener.close()
    throw error
  }
  const listeners = listen.map(section => opened.get(section) as Listener)
  for (const listener of listeners) listener.start()
  return new Listeners(listeners, services)
}

export class Listeners {
  #listeners: readonly Listener[]
  readonly #services: ListenerServices

  constructor(listeners: readonly Listener[], services: ListenerServices) {
    this.#listeners = listeners
    this.#services = services
  }

  get facts(): ListenFacts[] {
    return this.#listeners.map(({ facts }) => facts)
  }

  /** Binds what is new. Throws LISTEN_FAILED, also for a socket of the service manager that nobody would serve; then all is as it was. */
  async prepare(listen: readonly ListenConfig[]): Promise<PreparedListeners> {
    const left = new Set(this.#listeners)
    const kept = new Map<ListenConfig, Listener>()
    // Unchanged ones first: among several with port 0 they are known by nothing else.
    for (const isSame of [isEqual, hasSameAddress])
      for (const section of listen) {
        const listener = kept.has(section) ? undefined : [...left].find(({ config }) => isSame(config, section))
        if (listener === undefined) continue
        kept.set(section, listener)
        left.delete(listener)
      }
    const held = [...left].find(({ holder }) => holder === 'service-manager')
    if (held !== undefined) throw heldElsewhere(held)
    const opened = new Map<ListenConfig, Listener>()
    const abandon = () => {
      for (const listener of opened.values()) listener.close()
    }
    try {
      for (const section of listen) if (!kept.has(section)) opened.set(section, await openListener(section, this.#services))
    } catch (error) {
      abandon()
      throw explain(error, [...left])
    }
    const commit = () => {
      for (const [section, listener] of kept) listener.reconfigure(section)
      for (const listener of opened.values()) listener.start()
      this.#listeners = listen.map(section => (kept.get(section) ?? opened.get(section)) as Listener)
      for (const listener of left) listener.close()
    }
    return { commit, abandon }
  }

  close(): void {
    for (const listener of this.#listeners) listener.close()
  }
}

function isEqual(one: ListenConfig, other: ListenConfig): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function hasSameAddress(one: ListenConfig, other: ListenConfig): boolean {
  return one.port !== 0 && one.host === other.host && one.port === other.port
}

/** It would go on taking connections, which nobody answers. */
function heldElsewhere({ facts, config }: Listener): MailwicketError {
  return new MailwicketError('LISTEN_FAILED', {
    message: `the service manager holds ${facts.address} open for the [[listen]] section ${formatEndpoint(config)}, which a reload cannot take away or move`,
    remedy: 'Put the section back, or change ListenStream= in the socket unit too and restart both units.',
  })
}

/** The port may still be ours, under an address that the reload would close. */
function explain(error: unknown, leaving: readonly Listener[]): unknown {
  if (!(error instanceof MailwicketError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRINUSE') return error
  const { port } = error.cause as unknown as { port?: number }
  if (!leaving.some(({ config }) => config.port === port)) return error
  return new MailwicketError('LISTEN_FAILED', {
    message: error.message,
    remedy: 'Mailwicket itself still listens on that port under another address: restart it to change the address of a listener.',
    cause: error,
  })
}
