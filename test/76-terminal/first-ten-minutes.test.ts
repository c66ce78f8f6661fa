/** docs/first-ten-minutes.md: a recording of a terminal, made here, so that it stays true. `vitest run … --update` writes it anew. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
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
]

/** As a terminal shows it: a longer line goes on in the next row. */
function asScreen(seen: string, cwd: string): string {
  let text = seen.replaceAll(cwd, '/home/admin')
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

/** Waits in the shell for a word in a file. */
const isSeen = (word: string, file: string) => `grep -q ${word} <(tail -F --pid=$$ ${file} 2>/dev/null)`

const INTRODUCTION = `# The first ten minutes

What a terminal of 80 columns shows from \`init\` to a lost phone. A test types these lines and compares what it sees with this page
(\`test/76-terminal/first-ten-minutes.test.ts\`); IDs, dates and passwords stand for others. The real server is on the same machine here, with IMAP on port 1143 and submission on 1587.
`

test('init, check, a mailbox, a device, a phone that is lost', async () => {
  const cwd = makeTempDir()
  const terminal = new TypedTerminal(cwd)
  const servers = pathToFileURL(join(ROOT, 'admin-cli/demo/demo-servers.ts'))
  writeFileSync(
    join(cwd, 'real-server.mjs'),
    `import { startDemoServers } from ${JSON.stringify(servers)}
await startDemoServers({ address: 'anna@example.com', password: 'the-real-password', ports: { imap: 1143, submission: 1587 }, now: Date.now() })
console.log('up')
`,
  )
  writeFileSync(
    join(cwd, 'phone.py'),
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
  const quietly = (line: string) => terminal.type(line)
  const parts: string[] = []
  const record = async (line: string, answers: readonly (readonly [RegExp, string])[] = []) => {
    const seen = await terminal.type(line, answers)
    parts.push(asScreen(seen, cwd))
    return seen
  }
  const say = (text: string) => void parts.push(`\u0000${text}`)

  // The shell says nothing of its jobs: when one ends is chance.
  await quietly('set +m; ip link set lo up')
  await quietly(`${process.execPath} real-server.mjs > server.log & ${isSeen('up', 'server.log')}`)
  await record('mailwicket init --hostname mail.example.com')
  say('The configuration gets the address of the real server and the domain; then everything is looked at:')
  await quietly(
    `sed -i 's/^domains = .*/domains = ["example.com"]/; s/imap.internal:993", tls = "implicit"/127.0.0.1:1143", tls = "none"/; s/smtp.internal:587", tls = "starttls"/127.0.0.1:1587", tls = "none"/' mailwicket.toml`,
  )
  await record('mailwicket check')
  say('A mailbox, with its password at the real server, which is tried first:')
  await record('mailwicket mailbox add anna@example.com', [[/Password of .*: /, 'the-real-password']])
  say('The gateway is started (as a service: `systemctl start mailwicket`), and the phone gets a password of its own:')
  await quietly(`mailwicket serve > serve.log & ${isSeen('ready', 'serve.log')}`)
  const added = await record('mailwicket device add anna@example.com phone')
  const password = /(?:[a-z0-9]{4}-){4}[a-z0-9]{4}/.exec(added)?.[0] ?? ''
  say('It is typed into the phone, and the phone connects:')
  await quietly(
    `python3 -u phone.py ${password} > phone.log & ${isSeen('up', 'phone.log')}; until mailwicket device list --json | grep -q Thunderbird; do :; done`,
  )
  await record('mailwicket device list')
  say('The phone is lost:')
  await record('mailwicket device revoke anna@example.com/phone', [[/\[y\/N\]/, 'y']])
  // The app was told, or just sees the end: it is out.
  await quietly(isSeen('out', 'phone.log'))
  await record('mailwicket device list --revoked')
  await record('mailwicket device revoke anna@example.com/phone')
  await quietly('kill %1 %2; wait')

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
