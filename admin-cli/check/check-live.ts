/**
 * `check --live`: a real login through the running gateway, with a device made for it.
 *
 * SECURITY: no password of a person is used. The device logs in and does nothing else: no mail is read or sent. It expires after
 * two minutes even when this process is killed, and is revoked and taken out as soon as the login was tried; that it was there is in the audit.
 */

import { makeId, type SessionId } from '../../base/ids.ts'
import { formatEndpoint, isInNetworks, parseCidr } from '../../base/network.ts'
import { LOCAL_PROXY_HEADER } from '../../base/sockets/proxy-header.ts'
import type { Config, ListenConfig } from '../../config/config.ts'
import type { Mailbox } from '../../store/accounts/mailbox-rows.ts'
import type { UpstreamLogin } from '../../upstream/upstream-login.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { withStoreOf } from '../frame/store-access.ts'
import { bad, doubtful, type Finding, good } from './check-finding.ts'

/** Long enough for every listener to be tried, each within the probe's own deadline. */
const DEVICE_LIFE_MS = 120_000

export async function checkLive(context: CommandContext, config: Config, address: string | undefined): Promise<Finding[]> {
  try {
    return await withStoreOf(context, config, async store => {
      const mailbox =
        address === undefined ? (await store.mailboxes.page({ limit: 1, filter: { state: 'active' } })).rows[0] : await store.mailboxes.get(address)
      if (mailbox === undefined) return [doubtful('live', 'There is no mailbox to log in to.', 'Add one with `mailbox add ADDR`.')]
      const scopes = [...new Set(config.listen.map(({ protocol }) => (protocol === 'imap' ? ('imap' as const) : ('smtp' as const))))]
      const name = `check ${makeId<SessionId>().slice(0, 8)}`
      const { device, password } = await store.devices.add(mailbox.address, { name, scopes, expiresAt: context.terminal.now() + DEVICE_LIFE_MS })
      try {
        const account = { authzid: '', user: mailbox.address, secret: password }
        const findings: Finding[] = []
        for (const listener of config.listen) findings.push(await tryListener(config, listener, mailbox, account))
        return findings
      } finally {
        // Nobody ever used it: its beginning and end are in the audit.
        await store.devices.revoke([device.id])
        await store.devices.forgetRevoked(device.id)
      }
    })
  } catch (error) {
    return [bad('live', error)]
  }
}

async function tryListener(config: Config, listener: ListenConfig, mailbox: Mailbox, account: UpstreamLogin): Promise<Finding> {
  const check = `live ${formatEndpoint(listener)}`
  if (listener.port === 0) return doubtful(check, 'The listener takes any free port: it cannot be found from here.', 'Give it a fixed port to have it checked.')
  const host = LOCAL_ADDRESS[listener.host] ?? listener.host
  const wantsHeader = listener.proxyProtocolFrom !== undefined
  if (wantsHeader && !isInNetworks(host, listener.proxyProtocolFrom.map(parseCidr)))
    return doubtful(check, 'Only the balancers of proxy_protocol_from may connect to it, and this machine is none.', 'Try a login through the balancer.')
  try {
    // Trusts what the configuration says the gateway shows; whether others trust it is checked apart.
    const ca = config.certificates.map(({ cert }) => cert)
    const trust = { ca, serverName: config.hostname, isPinned: true } as const
    const target = {
      host,
      port: listener.port,
      tls: listener.tls,
      trust,
      hostname: config.hostname,
      // A check has no client: the gateway takes the address of the connection.
      proxyHeader: wantsHeader ? LOCAL_PROXY_HEADER : undefined,
      idClient: undefined,
      xclient: undefined,
      // The gateway has judged it.
      allowUnauthenticate: true,
    }
    if (listener.protocol === 'imap') await (await import('../../upstream/probe/imap-probe.ts')).probeImap(target, account)
    else await (await import('../../upstream/probe/submission-probe.ts')).probeSubmission(target, account)
    return good(check, `A device of ${mailbox.address} logs in.`)
  } catch (error) {
    return { ...bad(check, error), advice: 'Is the gateway running (`mailwicket serve`) with this configuration? Its log says what it made of the login.' }
  }
}

/** “All addresses” is no address to connect to. */
const LOCAL_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
