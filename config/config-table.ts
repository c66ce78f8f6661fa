/**
 * The table of the configuration: every section and key of `mailwicket.toml`, with its kind, default, meaning and an example.
 *
 * The parser, the sample that `init` writes and docs/configuration.md are all made from it. What spans several
 * keys (a domain in two upstreams …) is in `config-checks.ts`.
 */

import type { LogLevel } from '../base/log.ts'
import type { ForwardClient, ListenTls, MinTls, PortalTls, Protocol, SecondFactorPolicy, UpstreamTls } from './config.ts'
import {
  count,
  domains,
  duration,
  flag,
  hostName,
  inlineTable,
  type Keys,
  listenAddress,
  mailAddress,
  networks,
  oneOf,
  optional,
  path,
  remoteAddress,
  required,
  seconds,
  separator,
  storeUrl,
  text,
  webOrigin,
  withDefault,
  workerCount,
} from './config-kinds.ts'

/** How a section stands in the file: keys before the first header, `[name]`, `[[name]]` (several), or `{ … }` within another. */
export type SectionForm = 'top' | 'single' | 'many' | 'inline'

export interface Section {
  /** Name in the file; for inline tables the path, as in `upstream.auth`. */
  readonly name: string
  readonly form: SectionForm
  readonly meaning: string
  readonly keys: Keys
}

export const TOP_KEYS = {
  hostname: required(hostName, { meaning: 'The name that mail apps connect to.', example: '"mail.example.com"' }),
  data_dir: withDefault(path, '.', {
    meaning: 'Directory of what Mailwicket keeps beside its configuration: the master key in `keys/`, the database.',
    example: '"/var/lib/mailwicket"',
  }),
  log_level: withDefault(oneOf<LogLevel>(['trace', 'debug', 'info', 'warn', 'error']), 'info', {
    meaning: 'The least important lines that are logged.',
    example: '"warn"',
  }),
  workers: withDefault(workerCount, 'auto', {
    meaning:
      'Processes that serve mail: `"auto"` starts one for each core that Mailwicket may use. With `1` the process that is started serves itself. See [processes](processes.md).',
    example: '4',
  }),
  drain_seconds: withDefault(seconds, 25, {
    meaning: 'How long a stop (SIGTERM) may take to let sessions go: idle ones one after another, busy ones when they are done. `0` ends all at once.',
    example: '60',
  }),
} as const

export const STORE_KEYS = {
  url: optional(storeUrl, {
    meaning:
      'The database: `sqlite:` and a path, or PostgreSQL as `postgres://USER@HOST/DATABASE`, see [PostgreSQL](postgresql.md). Without it: `mailwicket.db` in `data_dir`.',
    example: '"sqlite:mailwicket.db"',
  }),
  outage_grace: optional(duration, {
    meaning:
      'While the database cannot be reached: how long after a login its device is let in again, without a look at what was changed meanwhile. Without it nobody is. See [PostgreSQL](postgresql.md#logins-while-it-is-away) for the risk.',
    example: '"10m"',
  }),
} as const

export const PASSWORDS_KEYS = {
  generated_only: withDefault(flag, false, {
    meaning: 'Devices may only have passwords that Mailwicket generated, none that a person chose.',
    example: 'true',
  }),
} as const

export const LIMITS_KEYS = {
  trusted_from: optional(networks, {
    meaning:
      'Networks in which many people share an address that is ours to trust: a webmail server, monitoring. Their wrong logins count for the mailbox only.',
    example: '["10.0.0.0/8"]',
  }),
  sessions_per_device: withDefault(count, 2000, {
    meaning: 'Connections that one device may have at a time on a gateway; one more is answered `[LIMIT]`. Mail apps need about five.',
    example: '50',
  }),
} as const

export const CERTIFICATE_KEYS = {
  cert: required(path, { meaning: 'PEM file: the certificate and after it its chain.', example: '"certs/fullchain.pem"' }),
  key: required(path, { meaning: 'PEM file: the private key, without a passphrase.', example: '"certs/privkey.pem"' }),
} as const

export const LISTEN_KEYS = {
  protocol: required(oneOf<Protocol>(['imap', 'submission']), {
    meaning: 'What is spoken there.',
    example: '"imap"',
  }),
  address: required(listenAddress, {
    meaning: 'Address and port. `[::]:993` takes IPv6 and, on most systems, IPv4 too; port 0 picks a free one and the ready line tells it.',
    example: '"0.0.0.0:993"',
  }),
  tls: required(oneOf<ListenTls>(['implicit', 'starttls']), {
    meaning: '`implicit`: TLS from the first byte (993, 465). `starttls`: plain until the app asks for TLS (143, 587); nobody can log in before.',
    example: '"implicit"',
  }),
  min_tls: withDefault(oneOf<MinTls>(['1.0', '1.1', '1.2', '1.3']), '1.2', {
    meaning: 'Oldest TLS version accepted. `1.0` and `1.1` are weak: only for old scanners, on a listener of their own.',
    example: '"1.3"',
  }),
  proxy_protocol_from: optional(networks, {
    meaning: 'Networks of load balancers that must send a PROXY header (version 1 or 2); connections from elsewhere are closed.',
    example: '["10.0.0.0/8"]',
  }),
} as const

const UPSTREAM_TLS_MEANING =
  '`implicit`: TLS from the first byte. `starttls`: plain, then TLS, or no connection. `none`: never encrypted; only on a network you trust.'

export const UPSTREAM_IMAP_KEYS = {
  address: required(remoteAddress, { meaning: 'Host and port of the IMAP server.', example: '"imap.internal:993"' }),
  tls: required(oneOf<UpstreamTls>(['implicit', 'starttls', 'none']), { meaning: UPSTREAM_TLS_MEANING, example: '"implicit"' }),
} as const

export const UPSTREAM_SUBMISSION_KEYS = {
  address: required(remoteAddress, { meaning: 'Host and port of the submission server.', example: '"smtp.internal:587"' }),
  tls: required(oneOf<UpstreamTls>(['implicit', 'starttls', 'none']), { meaning: UPSTREAM_TLS_MEANING, example: '"starttls"' }),
} as const

export const UPSTREAM_AUTH_KEYS = {
  method: withDefault(oneOf(['stored', 'master'], ['oauth2']), 'stored', {
    meaning: '`stored`: each mailbox has its own upstream login and secret, given with `mailbox add`. `master`: one master user opens every mailbox.',
    example: '"master"',
  }),
  user: optional(text, { meaning: '`master` only: the name of the master user.', example: '"gw"' }),
  secret_file: optional(path, {
    meaning: '`master` only: file whose first line is the master user’s password; readable by nobody else.',
    example: '"gw.secret"',
  }),
  style: optional(oneOf(['authzid', 'suffix']), {
    meaning:
      '`master` only. `authzid`: AUTHENTICATE PLAIN with the mailbox as the authorization identity. `suffix`: login `MAILBOX SEPARATOR USER` in one word, as Dovecot takes it.',
    example: '"authzid"',
  }),
  separator: optional(separator, { meaning: '`suffix` only: what stands between mailbox and master user.', example: '"*"' }),
} as const

export const UPSTREAM_KEYS = {
  name: required(text, { meaning: 'A name for `mailbox add --upstream` and the log.', example: '"main"' }),
  domains: withDefault(domains, [], { meaning: 'New mailboxes of these domains go here.', example: '["example.com"]' }),
  imap: optional(inlineTable(UPSTREAM_IMAP_KEYS, '{ address = "imap.internal:993", tls = "implicit" }'), {
    meaning: 'Its IMAP server.',
    example: '{ address = "imap.internal:993", tls = "implicit" }',
  }),
  submission: optional(inlineTable(UPSTREAM_SUBMISSION_KEYS, '{ address = "smtp.internal:587", tls = "starttls" }'), {
    meaning: 'Its submission server. Used by submission listeners only.',
    example: '{ address = "smtp.internal:587", tls = "starttls" }',
  }),
  ca: optional(path, {
    meaning: 'PEM file with the only authorities that may sign its certificate; without it those of the system.',
    example: '"internal-ca.pem"',
  }),
  min_tls: withDefault(oneOf<MinTls>(['1.0', '1.1', '1.2', '1.3']), '1.2', {
    meaning: 'Oldest TLS version spoken with it. `1.0` and `1.1` are weak: only for a server that cannot be updated, over a line of your own.',
    example: '"1.0"',
  }),
  auth: optional(inlineTable(UPSTREAM_AUTH_KEYS, '{ method = "stored" }'), {
    meaning: 'How Mailwicket logs in there. Without it `{ method = "stored" }`.',
    example: '{ method = "master", user = "gw", secret_file = "gw.secret", style = "authzid" }',
  }),
  forward_client: withDefault(oneOf<ForwardClient>(['none', 'id', 'xclient', 'id+xclient', 'proxy', 'proxy-v1']), 'none', {
    meaning:
      'Tell the upstream the address of the mail app: by IMAP ID (`id`), SMTP XCLIENT (`xclient`), both, or a PROXY header, which the ports of the upstream must then expect: version 2 (`proxy`), or version 1 (`proxy-v1`) for servers that read no other, such as Haraka. It must trust this machine: docs/client-address.md.',
    example: '"id+xclient"',
  }),
  sessions_per_mailbox: optional(count, {
    meaning:
      'Connections to one mailbox there at a time, all its devices together; one more is answered `[LIMIT]`. For upstreams that allow few, such as Gmail (15). Each gateway counts its own.',
    example: '15',
  }),
  allow_unauthenticate: withDefault(flag, false, {
    meaning: 'Accept an upstream that offers UNAUTHENTICATE (RFC 8437), with which an app that is logged in can try passwords unseen by Mailwicket.',
    example: 'true',
  }),
} as const

export const ADMIN_KEYS = {
  address: required(listenAddress, { meaning: 'Address and port of `/metrics`, `/healthz` and `/readyz`.', example: '"127.0.0.1:9993"' }),
} as const

export const PORTAL_MAIL_KEYS = {
  address: required(remoteAddress, { meaning: 'Host and port of the submission server.', example: '"smtp.internal:587"' }),
  tls: required(oneOf<UpstreamTls>(['implicit', 'starttls', 'none']), { meaning: UPSTREAM_TLS_MEANING, example: '"starttls"' }),
  from: required(mailAddress, { meaning: 'The address that the mails come from.', example: '"devices@example.com"' }),
  user: optional(text, { meaning: 'The name to log in with. Without it nobody logs in.', example: '"devices@example.com"' }),
  secret_file: optional(path, { meaning: 'File whose first line is the password of `user`; readable by nobody else.', example: '"portal-mail.secret"' }),
  ca: optional(path, {
    meaning: 'PEM file with the only authorities that may sign its certificate; without it those of the system.',
    example: '"internal-ca.pem"',
  }),
} as const

export const PORTAL_KEYS = {
  address: required(listenAddress, { meaning: 'Address and port of the web pages.', example: '"127.0.0.1:8080"' }),
  url: required(webOrigin, { meaning: 'The address that people type, as links and sign-in need it.', example: '"https://devices.example.com"' }),
  tls: optional(oneOf<PortalTls>(['implicit', 'none']), {
    meaning:
      '`implicit`: the certificates of this file, chosen by name. `none`: plain HTTP, on loopback or behind a reverse proxy named in `trusted_proxies`. Without it: `none` on loopback, else `implicit`.',
    example: '"implicit"',
  }),
  trusted_proxies: optional(networks, {
    meaning: 'Networks of reverse proxies. Only from them is `X-Forwarded-For` believed, and only its last address that is none of theirs.',
    example: '["127.0.0.0/8"]',
  }),
  second_factor: withDefault(oneOf<SecondFactorPolicy>(['managers', 'everyone', 'optional']), 'managers', {
    meaning: 'Who must have a second step beside the password (a code, or a passkey): administrators and managers, everyone, or nobody.',
    example: '"everyone"',
  }),
  profile_certificate: optional(inlineTable(CERTIFICATE_KEYS, '{ cert = "certs/profile.pem", key = "certs/profile-key.pem" }'), {
    meaning: 'A certificate with which profiles for Apple devices are signed, so that they say who they are from. Without it they are not signed.',
    example: '{ cert = "certs/profile.pem", key = "certs/profile-key.pem" }',
  }),
  mail: optional(inlineTable(PORTAL_MAIL_KEYS, '{ address = "smtp.internal:587", tls = "starttls", from = "devices@example.com" }'), {
    meaning: 'The submission server through which the portal sends invitations and notices. Without it, it sends none.',
    example: '{ address = "smtp.internal:587", tls = "starttls", from = "devices@example.com" }',
  }),
} as const

/** In the order of the documentation and of the sample. */
export const SECTIONS: readonly Section[] = [
  { name: '', form: 'top', meaning: 'Keys before the first section.', keys: TOP_KEYS },
  { name: 'store', form: 'single', meaning: 'Where mailboxes, devices and their history are kept.', keys: STORE_KEYS },
  { name: 'passwords', form: 'single', meaning: 'Rules for app passwords.', keys: PASSWORDS_KEYS },
  { name: 'limits', form: 'single', meaning: 'What one device or address may have. How guessing is slowed down is in docs/limits.md.', keys: LIMITS_KEYS },
  {
    name: 'certificate',
    form: 'many',
    meaning:
      'One section a certificate, at least one. Apps get the one that fits the name they ask for, else the first; where there is one with RSA and one with ECDSA for that name, the one that they can verify. Files are read again when they change, and on SIGHUP.',
    keys: CERTIFICATE_KEYS,
  },
  { name: 'listen', form: 'many', meaning: 'One section an address that mail apps connect to, at least one.', keys: LISTEN_KEYS },
  {
    name: 'upstream',
    form: 'many',
    meaning: 'One section a mail server behind Mailwicket, at least one; each needs `imap` or `submission`.',
    keys: UPSTREAM_KEYS,
  },
  { name: 'upstream.imap', form: 'inline', meaning: 'The IMAP server of an upstream.', keys: UPSTREAM_IMAP_KEYS },
  { name: 'upstream.submission', form: 'inline', meaning: 'The submission server of an upstream.', keys: UPSTREAM_SUBMISSION_KEYS },
  { name: 'upstream.auth', form: 'inline', meaning: 'How Mailwicket logs in to an upstream.', keys: UPSTREAM_AUTH_KEYS },
  { name: 'admin', form: 'single', meaning: 'The endpoint for monitoring.', keys: ADMIN_KEYS },
  { name: 'portal', form: 'single', meaning: 'The web pages and the HTTP API. Without this section there are none.', keys: PORTAL_KEYS },
  { name: 'portal.profile_certificate', form: 'inline', meaning: 'What signs profiles for Apple devices.', keys: CERTIFICATE_KEYS },
  { name: 'portal.mail', form: 'inline', meaning: 'How the portal sends mail; also written as a section `[portal.mail]`.', keys: PORTAL_MAIL_KEYS },
]

/** Names of the sections that are written with brackets. */
export const SECTION_NAMES: readonly string[] = SECTIONS.filter(section => section.form === 'single' || section.form === 'many').map(section => section.name)
