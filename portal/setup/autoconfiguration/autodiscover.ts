/**
 * Outlook's Autodiscover in its XML form: which address is asked for, and the answer with the servers.
 *
 * SECURITY: the request comes from anybody and is not parsed as XML: no entities, no document type, nothing is fetched. Two elements are looked for in a
 * bounded text; whatever has more than that is no request.
 */
import { normaliseAddress } from '../../../base/address.ts'
import type { Config } from '../../../config/config.ts'
import { type AppSettings, listAppSettings } from '../../../management/mailboxes/app-settings.ts'
import { type Xml, xml, xmlDocument } from '../xml.ts'

/** Outlook's are of some three hundred bytes. */
export const MAX_REQUEST_BYTES = 8 * 1024

const RESPONSE = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'
const SETTINGS = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'

/** The address that settings are asked for, normalised. `refused`: the number that the answer has. */
export type AutodiscoverRequest = { readonly address: string } | { readonly refused: AutodiscoverError }
/** Of Microsoft's list. `600`: no request. `601`: answers in another form, such as ActiveSync's. `500`: not here. */
export type AutodiscoverError = 500 | 600 | 601

export function parseAutodiscover(bytes: Uint8Array): AutodiscoverRequest {
  const text = bytes.length > MAX_REQUEST_BYTES ? undefined : decode(bytes)
  if (text === undefined || text.includes('<!')) return { refused: 600 }
  const address = textOf(text, 'EMailAddress')
  const form = textOf(text, 'AcceptableResponseSchema')
  if (form !== undefined && form !== SETTINGS) return { refused: 601 }
  const normalised = address === undefined ? undefined : normaliseAddress(address)
  return normalised === undefined ? { refused: 600 } : { address: normalised }
}

/** The same for every address of a domain: only the login name is the one that was asked for. */
export function formatAutodiscover(config: Config, address: string): string {
  const listed = listAppSettings(config, address, ['imap', 'smtp']).filter(({ port }) => port !== null)
  // Outlook takes one of each: the first is the best.
  const best = (['imap', 'submission'] as const).flatMap(protocol => listed.find(one => one.protocol === protocol) ?? [])
  return envelope(
    xml`<Response xmlns="${SETTINGS}"><User><DisplayName>${address}</DisplayName></User><Account><AccountType>email</AccountType><Action>settings</Action>${best.map(server)}</Account></Response>`,
  )
}

const MESSAGES: Readonly<Record<AutodiscoverError, string>> = {
  500: 'No settings for this address.',
  600: 'Invalid request.',
  601: 'This response schema is not provided.',
}

export function formatAutodiscoverError(code: AutodiscoverError): string {
  return envelope(xml`<Response><Error><ErrorCode>${code}</ErrorCode><Message>${MESSAGES[code]}</Message><DebugData/></Error></Response>`)
}

const envelope = (response: Xml): string => xmlDocument(xml`<Autodiscover xmlns="${RESPONSE}">${response}</Autodiscover>`)

function server({ protocol, server: host, port, security, userName }: AppSettings): Xml {
  const encryption = security === 'implicit' ? 'SSL' : 'TLS'
  return xml`<Protocol><Type>${protocol === 'imap' ? 'IMAP' : 'SMTP'}</Type><Server>${host}</Server><Port>${port ?? 0}</Port><DomainRequired>off</DomainRequired><LoginName>${userName}</LoginName><SPA>off</SPA><SSL>on</SSL><Encryption>${encryption}</Encryption><AuthRequired>on</AuthRequired></Protocol>`
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Of the one element with this name, whatever its prefix. Undefined: none, several, or text with anything but plain characters and XML's own five entities. */
function textOf(text: string, name: string): string | undefined {
  const found = [...text.matchAll(new RegExp(`<(\\w{1,20}:)?${name}(?:\\s[^<>]{0,200})?>([^<>]{0,400})</(\\w{1,20}:)?${name}\\s{0,10}>`, 'g'))]
  const [, before, inside, after] = found[0] ?? []
  if (found.length !== 1 || inside === undefined || before !== after || /&(?!(?:amp|lt|gt|quot|apos);)/.test(inside)) return undefined
  return inside.replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? '').trim()
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
