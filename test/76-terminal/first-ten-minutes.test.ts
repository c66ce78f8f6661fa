/** docs/first-ten-minutes.md: a recording of a terminal, made here, so that it stays true. `vitest run … --update` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { type RunningChild, runOk, startChild } from '../fixtures/child-process.ts'
import { PackageSources } from '../fixtures/program/package-sources.ts'
import { DebianChroot } from '../fixtures/servers/debian-chroot.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'
import { TypedTerminal } from './typed-terminal.ts'

const ROOT = join(import.meta.dirname, '../..')
const COLUMNS = 80

/** What differs from run to run, as something of the same length. */
const PLACEHOLDERS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(?:[a-z0-9]{4}-){4}[a-z0-9]{4}\b/g, 'k7mq-x2pd-9rtf-h4wz-c8nb'],
  [/\b(?=[a-z]*\d)[0-9a-hjkmnp-tv-z]{16}\b/g, '3f9kq2m8x7t4c1vn'],
  [/\b20\d\d-\d\d-\d\d/g, '2026-11-26'],
  [/\b\d\d:\d\d UTC/g, '18:40 UTC'],
  [/\d\d:\d\d:\d\d\.\d{3}Z/g, '18:40:12.345Z'],
  [/\bmaster key [0-9a-f]{8}\b/g, 'master key 5a7b9c1d'],
  [/\b\d+ s ago\b/g, 'just now'],
  [/\bversion \d+;/g, 'version 12;'],
  [/\bgood for \d+ more days/g, 'good for 396 more days'],
  [/_(?:amd64|arm64)\.deb/g, '_amd64.deb'],
  [/\.\.\. \d+ files and/g, '... 6099 files and'],
]

/** As a terminal shows it: a longer line goes on in the next row. */
function asScreen(seen: string): string {
  // What is written over at once: dpkg counts.
  let text = seen.replace(/^(?:\(Reading database [^\n]*\r)+(?=\(Reading database)/gm, '')
  // What bash and readline say to the terminal itself.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text = text.replace(/\u001b\[[?\d;]*[A-Za-z]/g, '').replace(/\r(?!\n)/g, '')
  for (const [pattern, replacement] of PLACEHOLDERS) text = text.replace(pattern, replacement)
  return text
    .split('\n')
    .flatMap(line => line.match(new RegExp(`.{1,${COLUMNS}}`, 'gu')) ?? [''])
    .map(line => line.trimEnd())
    .join('\n')
}

const INTRODUCTION = `# The first ten minutes

What a terminal of 80 columns shows from the installation to a lost phone. A test types these lines, as root of a Debian of its own, and compares what it sees with this page
(\`test/76-terminal/first-ten-minutes.test.ts\`); IDs, dates and passwords stand for others. The package was built with \`npm run package:deb\`. The real server is on the same machine here, with IMAP on port 1143 and submission on 1587.
`

const CONFIG = '/etc/mailwicket/mailwicket.toml'
const CAPABILITY = ['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service']
/** As systemd starts it. */
const SERVICE = ['setpriv', '--reuid=mailwicket', '--regid=mailwicket', '--init-groups', ...CAPABILITY, 'mailwicket', 'serve']

let terminal: TypedTerminal
let real: RunningChild | undefined
let gateway: RunningChild | undefined
let phone: RunningChild | undefined
afterAll(async () => {
  for (const child of [phone, gateway, real]) child?.process.kill()
  await terminal?.close()
})

/** The real server, of this machine, in the terminal's network. */
async function startRealServer(dir: string): Promise<void> {
  const servers = pathToFileURL(join(ROOT, 'admin-cli/demo/demo-servers.ts'))
  const file = join(dir, 'real-server.mjs')
  writeFileSync(
    file,
    `import { startDemoServers } from ${JSON.stringify(servers)}
await startDemoServers({ address: 'anna@example.com', password: 'the-real-password', ports: { imap: 1143, submission: 1587 }, now: Date.now() })
console.log('up')
`,
  )
  await runOk(...terminal.beside('ip', 'link', 'set', 'lo', 'up'))
  real = startChild(...terminal.beside(process.execPath, file))
  await real.waitForStdout(/up/, 30_000)
}

async function connectPhone(dir: string, password: string): Promise<void> {
  const file = join(dir, 'phone.py')
  writeFileSync(
    file,
    `import imaplib, ssl, sys
imap = imaplib.IMAP4_SSL('localhost', 993, ssl_context=ssl._create_unverified_context())
imap.login('anna@example.com', sys.argv[1])
imaplib.Commands['ID'] = ('AUTH', 'SELECTED')
imap._simple_command('ID', '("name" "Thunderbird" "version" "153.0")')
imap.select()
print('up')
while imap.readline(): pass
print('out')
`,
  )
  phone = startChild(...terminal.beside('python3', '-u', file, password))
  await phone.waitForStdout(/up/, 30_000)
}

test('the package, init, check, a mailbox, a device, a phone that is lost', async () => {
  const [debian, deb] = await Promise.all([DebianChroot.open(), PackageSources.open().then(sources => sources.buildPackage())])
  debian.bring(deb)
  const dir = makeTempDir()
  terminal = new TypedTerminal(debian.root)
  const quietly = (line: string) => terminal.type(line)
  const parts: string[] = []
  const record = async (line: string, answers: readonly (readonly [RegExp, string])[] = []) => {
    const seen = await terminal.type(line, answers)
    parts.push(asScreen(seen))
    return seen
  }
  const say = (text: string) => void parts.push(`\u0000${text}`)

  await quietly('true')
  await startRealServer(dir)
  await record(`dpkg --install ${basename(deb)}`)
  say(
    'The configuration gets the name of this machine, the address of the real server and the domain. Then the key and the database are made, and everything is looked at:',
  )
  const config = join(debian.root, CONFIG)
  const written = readFileSync(config, 'utf8')
    .replace('imap.internal:993", tls = "implicit"', '127.0.0.1:1143", tls = "none"')
    .replace('smtp.internal:587", tls = "starttls"', '127.0.0.1:1587", tls = "none"')
  writeFileSync(config, written)
  await record('runuser -u mailwicket -- bash --norc')
  await record(`mailwicket init --config ${CONFIG}`)
  await record('mailwicket check')
  say('A mailbox, with its password at the real server, which is tried first:')
  await record('mailwicket mailbox add anna@example.com', [[/Password of .*: /, 'the-real-password']])
  say('The gateway is started with `systemctl start mailwicket`, and the phone gets a password of its own:')
  gateway = startChild(...terminal.beside('chroot', debian.root, ...SERVICE))
  await gateway.waitForStdout(/"event":"ready"/, 60_000)
  const added = await record('mailwicket device add anna@example.com phone')
  const password = /(?:[a-z0-9]{4}-){4}[a-z0-9]{4}/.exec(added)?.[0] ?? ''
  say('It is typed into the phone, and the phone connects:')
  await connectPhone(dir, password)
  await quietly('until mailwicket device list --json | grep -q Thunderbird; do :; done')
  await record('mailwicket device list')
  say('The phone is lost:')
  await record('mailwicket device revoke anna@example.com/phone', [[/\[y\/N\]/, 'y']])
  // The app was told, or just sees the end: it is out.
  await phone?.waitForStdout(/out/, 30_000)
  await record('mailwicket device list --revoked')
  await record('mailwicket device revoke anna@example.com/phone')

  let page = INTRODUCTION
  let isOpen = false
  for (const part of parts) {
    const isProse = part.startsWith('\u0000')
    if (isProse === isOpen || (!isProse && !isOpen)) page += isProse ? '```\n' : '\n```text\n'
    isOpen = !isProse
    page += isProse ? `\n${part.slice(1)}\n` : part
  }
  page += '```\n'
  for (const line of parts
    .filter(part => !part.startsWith('\u0000'))
    .join('')
    .split('\n'))
    expect(line.length).toBeLessThanOrEqual(COLUMNS)
  await expect(page).toMatchFileSnapshot(join(ROOT, 'docs/first-ten-minutes.md'))
})
