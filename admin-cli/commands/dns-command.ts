/** `mailwicket dns DOMAIN`: the records by which mail apps find the settings of a domain, as lines for its zone. */
import { MailwicketError } from '../../base/errors.ts'
import { findHostName } from '../../base/network.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { readConfig } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'

export function declareDns(dns: Command, terminal: Terminal): void {
  dns.argument('<domain>', 'the mail domain')
  addExamples(
    does(dns, terminal, (context, [domain]) => printRecords(context, domain)),
    ['dns example.com', 'lines to paste into the zone; `check` looks whether they are there'],
  )
}

async function printRecords(context: CommandContext, text: string): Promise<void> {
  const domain = /[@/]/.test(text) ? undefined : findHostName(text)
  if (domain === undefined) throw new MailwicketError('BAD_INPUT', { message: `${JSON.stringify(text)} is not a domain such as example.com` })
  const config = await readConfig(context)
  const { autoconfigurationRecords, formatZone } = await import('../../management/mailboxes/autoconfiguration-records.ts')
  const records = autoconfigurationRecords(config, domain)
  const value = { domain, records: records.map(({ name, type, value }) => ({ name, type, ttl: 3600, value })) }
  context.answer(value, () => formatZone(records))
  if (config.portal === undefined) return context.remark('Without [portal] nothing tells apps more than these: no autoconfig, autodiscover or ua-auto-config.')
  const hosts = records.filter(({ type }) => type === 'CNAME').map(({ name }) => name)
  if (hosts.length > 0) context.remark(`The certificate of the portal, or of the proxy before it, must also be for ${hosts.join(', ')}.`)
  context.remark('The TXT record changes with the listeners and the hostname: `check` says when it is an old one.')
}
