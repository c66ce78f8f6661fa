/**
 * The document by which a domain says where its mail is (draft-ietf-mailmaint-pacc), and the digest that vouches for it in DNS.
 *
 * The draft has only the default ports with TLS from the first byte, so what listens elsewhere is left out. Nothing in it depends on who asks: its digest
 * stands in the zones of all domains.
 */
import { createHash } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { listAppSettings } from './app-settings.ts'

export const PACC_PATH = '/.well-known/user-agent-configuration.json'

/** Up to its second version the draft calls submission `smtp`, since its third `submit`; clients skip what they do not know. */
const PORTS = { imap: [[993, ['imap']]], submission: [[465, ['submit', 'smtp']]] } as const

/** Undefined: nothing listens where the draft looks. The same bytes for the same configuration. */
export function paccDocument(config: Config): string | undefined {
  const listed = listAppSettings(config, '', ['imap', 'smtp']).filter(({ security }) => security === 'implicit')
  const protocols = listed.flatMap(({ protocol, port, server }) =>
    PORTS[protocol].flatMap(([wanted, names]) => (port === wanted ? names.map(name => [name, { host: server }] as const) : [])),
  )
  if (protocols.length === 0) return undefined
  const info = { provider: { name: config.hostname } }
  return `${JSON.stringify({ protocols: Object.fromEntries(protocols), authentication: { password: true }, info })}\n`
}

/** As the TXT record has it. */
export function paccDigest(document: string): string {
  return `v=UAAC1; a=sha256; d=${createHash('sha256').update(document).digest('base64')}`
}
