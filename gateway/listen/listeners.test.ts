import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { silentLog } from '../../base/log.ts'
import { listen } from '../../base/sockets/bind-server.ts'
import type { ListenConfig } from '../../config/config.ts'
import { Listener, type ListenerServices } from './listener.ts'
import { Listeners } from './listeners.ts'

const services: ListenerServices = { log: silentLog, onConnection: () => {} }
const section = (port: number, changes: Partial<ListenConfig> = {}): ListenConfig => ({
  protocol: 'imap',
  host: '127.0.0.1',
  port,
  tls: 'implicit',
  minTls: '1.2',
  proxyProtocolFrom: undefined,
  ...changes,
})
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function openHeld(config: ListenConfig, holder: Listener['holder']): Promise<Listener> {
  const server = createServer()
  servers.push(server)
  await listen(server, { host: '127.0.0.1', port: 0 }, 16)
  return new Listener(server, config, services, holder)
}

test('a reload does not leave a port to the service manager alone: whoever connects there would wait for nobody', async () => {
  const held = await openHeld(section(993), 'service-manager')
  const own = await openHeld(section(0), 'us')
  const listeners = new Listeners([held, own], services)
  const moved = [[section(0)], [section(994), section(0)]]
  for (const config of moved)
    await expect(listeners.prepare(config)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringMatching(new RegExp(`${held.facts.address}.*127\\.0\\.0\\.1:993`)),
      remedy: expect.stringContaining('ListenStream='),
    })
  expect(listeners.facts).toHaveLength(2)
})

test('what else changes of it is no matter, nor is a port of our own that goes', async () => {
  const listeners = new Listeners([await openHeld(section(993), 'service-manager'), await openHeld(section(0), 'us')], services)
  const prepared = await listeners.prepare([section(993, { minTls: '1.3' })])
  prepared.commit()
  expect(listeners.facts).toHaveLength(1)
})
