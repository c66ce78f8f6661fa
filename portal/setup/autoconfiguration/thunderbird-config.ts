/** What Thunderbird and those who do as it does read at `config-v1.1.xml`: the servers of a domain. It names no mailbox; the app puts in the address itself. */
import type { Config } from '../../../config/config.ts'
import { type AppSettings, listAppSettings } from '../../../management/mailboxes/app-settings.ts'
import { type Xml, xml, xmlDocument } from '../xml.ts'

export function thunderbirdConfig(config: Config, domain: string): string {
  const listed = listAppSettings(config, '', ['imap', 'smtp']).filter(({ port }) => port !== null)
  const servers = (protocol: AppSettings['protocol']) => listed.filter(one => one.protocol === protocol).map(server)
  return xmlDocument(
    xml`<clientConfig version="1.1"><emailProvider id="${domain}"><domain>${domain}</domain><displayName>${domain}</displayName><displayShortName>${domain}</displayShortName>${servers('imap')}${servers('submission')}</emailProvider></clientConfig>`,
  )
}

function server({ protocol, server: host, port, security }: AppSettings): Xml {
  const inside = xml`<hostname>${host}</hostname><port>${port ?? 0}</port><socketType>${security === 'implicit' ? 'SSL' : 'STARTTLS'}</socketType><authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username>`
  return protocol === 'imap' ? xml`<incomingServer type="imap">${inside}</incomingServer>` : xml`<outgoingServer type="smtp">${inside}</outgoingServer>`
}
