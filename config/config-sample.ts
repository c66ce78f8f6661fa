/**
 * The configuration file that `init` and `demo` write, made from the table: what is needed, filled in, and every other
 * key that this version can do as a comment. A test loads it.
 */
import { writeFileSync } from 'node:fs'
import { MailwicketError } from '../base/errors.ts'
import type { ListenTls, Protocol, SecondFactorPolicy, UpstreamTls } from './config.ts'
import { SECTIONS, type Section } from './config-table.ts'

export interface SampleOptions {
  readonly hostname: string
  /** Where key, certificates and database are, when that is not the file's own folder. Absolute. */
  readonly dataDir?: string
  /** URL of a database that is no file there. */
  readonly storeUrl?: string
  /** Domains of the upstream; without them the host name less its first label, where two labels remain. */
  readonly domains?: readonly string[]
  /** Default "0.0.0.0:993". */
  readonly listenAddress?: string
  /** Defaults "0.0.0.0:587" and "0.0.0.0:465". */
  readonly submissionAddresses?: { readonly starttls: string; readonly implicit: string }
  /** The IMAP server behind; without it a placeholder that has to be edited. */
  readonly upstream?: { readonly address: string; readonly tls: UpstreamTls }
  /** The submission server behind; the same. */
  readonly submissionUpstream?: { readonly address: string; readonly tls: UpstreamTls }
  /** Without it the section is a comment. */
  readonly portal?: { readonly address: string; readonly url: string; readonly secondFactor: SecondFactorPolicy }
  /** Default "certs/fullchain.pem" and "certs/privkey.pem". */
  readonly certificate?: { readonly cert: string; readonly key: string }
}

/** Writes the sample to a new `file` (0640). Throws ALREADY_EXISTS. */
export function writeSampleConfig(file: string, options: SampleOptions): void {
  try {
    // The administrator's group may read it: it names secrets' files but holds no secret.
    writeFileSync(file, formatSampleConfig(options), { flag: 'wx', mode: 0o640 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new MailwicketError('ALREADY_EXISTS', { message: `${file} exists already.`, remedy: 'Choose another directory, or edit that file.', cause: error })
  }
}

/** Text of a complete `mailwicket.toml`. */
export function formatSampleConfig(options: SampleOptions): string {
  const values = valuesOf(options)
  const sections = SECTIONS.filter(section => section.form !== 'inline')
  const head = '# Mailwicket. Every key is described in docs/configuration.md; relative paths start at this file’s directory.\n'
  return [head, ...sections.map(section => `${formatSection(section, values)}${section.name === 'listen' ? formatMoreListeners(options) : ''}`)].join('\n')
}

/** TOML of the keys that are written, by section and key; all others become comments. */
type Values = ReadonlyMap<string, string>

function valuesOf({ hostname, dataDir, storeUrl, domains, listenAddress, upstream, submissionUpstream, portal, certificate }: SampleOptions): Values {
  const parent = hostname.split('.').slice(1)
  const upstreamDomains = domains ?? (parent.length >= 2 ? [parent.join('.')] : [])
  const imap = upstream ?? { address: 'imap.internal:993', tls: 'implicit' }
  const submission = submissionUpstream ?? { address: 'smtp.internal:587', tls: 'starttls' }
  const inDataDir = (name: string) => (dataDir === undefined ? name : `${dataDir}/${name}`)
  return new Map([
    ['.hostname', JSON.stringify(hostname)],
    ['.data_dir', JSON.stringify(dataDir ?? '.')],
    ['store.url', JSON.stringify(storeUrl ?? `sqlite:${inDataDir('mailwicket.db')}`)],
    ['certificate.cert', JSON.stringify(certificate?.cert ?? inDataDir('certs/fullchain.pem'))],
    ['certificate.key', JSON.stringify(certificate?.key ?? inDataDir('certs/privkey.pem'))],
    ['listen.protocol', '"imap"'],
    ['listen.address', JSON.stringify(listenAddress ?? '0.0.0.0:993')],
    ['listen.tls', '"implicit"'],
    ['upstream.name', '"main"'],
    ['upstream.domains', formatList(upstreamDomains)],
    ['upstream.imap', `{ address = ${JSON.stringify(imap.address)}, tls = "${imap.tls}" }`],
    ['upstream.submission', `{ address = ${JSON.stringify(submission.address)}, tls = "${submission.tls}" }`],
    ['upstream.auth', '{ method = "stored" }'],
    ...(portal === undefined ? [] : portalValues(portal)),
  ])
}

function portalValues({ address, url, secondFactor }: NonNullable<SampleOptions['portal']>): [id: string, toml: string][] {
  return [
    ['portal.address', JSON.stringify(address)],
    ['portal.url', JSON.stringify(url)],
    ['portal.second_factor', JSON.stringify(secondFactor)],
  ]
}

function formatList(items: readonly string[]): string {
  return `[${items.map(item => JSON.stringify(item)).join(', ')}]`
}

/** Whose example is worth showing beside the value that is written. */
const WITH_EXAMPLE = new Set(['upstream.auth'])

function formatSection(section: Section, values: Values): string {
  const keys = Object.entries(section.keys).map(([name, key]) => ({ name, key, id: `${section.name}.${name}` }))
  const header = section.form === 'top' ? '' : `${formatComment(section.meaning)}${keys.some(({ id }) => values.has(id)) ? '' : '# '}${formatHeader(section)}\n`
  const body = keys.map(({ id, name, key }) => {
    const value = values.get(id)
    const written = value === undefined ? `# ${name} = ${key.fallback ?? key.example}\n` : `${name} = ${value}\n`
    return `${formatComment(key.meaning)}${written}${WITH_EXAMPLE.has(id) ? `# ${name} = ${key.example}\n` : ''}`
  })
  return `${header}${body.join('')}`
}

function formatHeader(section: Section): string {
  return section.form === 'many' ? `[[${section.name}]]` : `[${section.name}]`
}

function formatMoreListeners({ submissionAddresses }: SampleOptions): string {
  const { starttls, implicit } = submissionAddresses ?? { starttls: '0.0.0.0:587', implicit: '0.0.0.0:465' }
  const listener = (protocol: Protocol, address: string, tls: ListenTls) =>
    `[[listen]]\nprotocol = "${protocol}"\naddress = ${JSON.stringify(address)}\ntls = "${tls}"\n`
  const comment = listener('imap', '0.0.0.0:143', 'starttls').replace(/^/gm, '# ').replace(/# $/, '')
  return `\n${comment}\n${listener('submission', starttls, 'starttls')}\n${listener('submission', implicit, 'implicit')}`
}

/** Where comments break: still readable in a terminal of the usual width beside a pager's margin. */
const COMMENT_COLUMNS = 110

function formatComment(text: string): string {
  const lines = ['#']
  for (const word of text.replaceAll('`', '').split(' ')) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length <= COMMENT_COLUMNS) lines[lines.length - 1] = line
    else lines.push(`#   ${word}`)
  }
  return `${lines.join('\n')}\n`
}
