/** Programs of the command line and libraries with the very lines of docs/clients.md: they read and they send. */
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pickPorts } from '../../base/sockets/free-ports-fixture.ts'
import { runOk, startChild } from '../fixtures/child-process.ts'
import { makeMessage, seedMaildir } from '../fixtures/clients/maildir.ts'
import { openRawImap, quote } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { type SubmissionDevice, SubmissionStage } from '../fixtures/program/submission-stage.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'
import { HomeDirectory, readSection } from './settings-page.ts'

const ANNA = 'anna@example.com'
const BOB = 'bob@example.com'
let stage: SubmissionStage
let device: SubmissionDevice

beforeAll(async () => {
  stage = await SubmissionStage.open({ users: [ANNA] })
  seedMaildir(stage.dovecot.maildir(ANNA), [makeMessage(1), makeMessage(2), makeMessage(3)])
  device = await stage.gateway.addDevice(ANNA, 'All programs')
})

afterAll(async () => await stage?.close())

/** As on the machine of a person whose system trusts the authority. */
function environmentOf(home: HomeDirectory): string[] {
  const { dir } = home
  const ca = join(dir, 'ca.pem')
  // s-nail asks the system for root's home directory, and nothing else.
  const files = [`HOME=${dir}`, `MAILRC=${join(dir, '.mailrc')}`, `NETRC=${join(dir, '.netrc')}`]
  return ['--unset=SSL_CERT_DIR', ...files, `SSL_CERT_FILE=${ca}`, `NODE_EXTRA_CA_CERTS=${ca}`, `PATH=${join(process.execPath, '..')}:${process.env.PATH}`]
}

function openHome(): HomeDirectory {
  return new HomeDirectory(makeTempDir(), device)
}

async function expectSent(subject: string): Promise<void> {
  await waitFor(`the message “${subject}”`, 20_000, () => stage.postfix.readMaildir(BOB).some(message => message.includes(`Subject: ${subject}`)))
}

interface Program {
  readonly heading: string
  /** Where what it has read is found: in its output, or in files below this folder of the home directory. */
  readonly reads?: 'stdout' | 'mail' | 'mail.mbox'
  /** The subject of what it sends. */
  readonly sends?: string
  /** It does nothing for root. */
  readonly user?: string
}

const PROGRAMS: readonly Program[] = [
  { heading: 's-nail (mailx)', reads: 'stdout', sends: 'from s-nail' },
  { heading: 'mbsync (isync)', reads: 'mail' },
  { heading: 'offlineimap', reads: 'mail' },
  { heading: 'getmail', reads: 'mail', user: 'mail' },
  { heading: 'fetchmail', reads: 'mail.mbox' },
  { heading: 'mutt and neomutt', sends: 'from neomutt' },
  { heading: 'msmtp', sends: 'from msmtp' },
  { heading: 'Python: imaplib and smtplib', reads: 'stdout', sends: 'from Python' },
  { heading: 'Node.js: nodemailer', sends: 'from nodemailer' },
  { heading: 'PHP: PHPMailer', sends: 'from PHPMailer' },
]

test.each(PROGRAMS)('$heading', async ({ heading, reads, sends, user }) => {
  const section = readSection(heading)
  const home = openHome()
  home.writeFilesOf(section)
  // Where Node looks for packages of a file that lies there.
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(home.dir, 'node_modules'))
  if (user !== undefined) await runOk('chown', ['-R', user, home.dir])
  const as = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  const { stdout } = await runOk('env', [...environmentOf(home), ...as, 'sh', '-ec', home.commandsOf(section)], { cwd: home.dir })
  if (reads === 'stdout') expect(stdout).toMatch(/message 3/i)
  else if (reads !== undefined) await runOk('grep', ['-rq', 'Body of message 3', join(home.dir, reads)])
  if (sends !== undefined) await expectSent(sends)
})

test('imapfilter', async () => {
  const { trustLine = '', ...section } = readSection('imapfilter')
  const home = openHome()
  home.writeFilesOf({ ...section, trustLine: undefined })
  await runOk('env', [...environmentOf(home), 'sh', '-ec', trustLine], { cwd: home.dir })
  const flagged = ['cur', 'new'].flatMap(sub => readdirSync(join(stage.dovecot.maildir(ANNA), sub))).filter(name => /:2,[A-Z]*F/.test(name))
  expect(flagged.some(name => name.startsWith(String(makeMessage(3).internalDate)))).toBe(true)
})

interface Screen {
  readonly command: string
  readonly heading: string
  readonly extra?: readonly (readonly [file: string, text: string])[]
  /** The subject of what it sends. */
  readonly sends?: string
  /** Waits for what is on the screen, then presses keys. */
  readonly dialogue: readonly (readonly [seen: RegExp, keys: string])[]
}

const SCREENS: readonly Screen[] = [
  { heading: 'mutt and neomutt', command: 'neomutt', dialogue: [[/Message 3/, 'q']] },
  { heading: 'aerc', command: 'aerc', dialogue: [[/Message 3/, ':quit -f\r']] },
  {
    heading: 'alpine',
    command: 'alpine -i',
    extra: [['~/.pinerc', 'last-version-used=6.26\n']],
    dialogue: [
      [/ENTER PASSWORD/, 'PASSWORD\r'],
      [/Preserve password/, 'n'],
      [/Message 3/, 'q'],
      [/Really quit/, 'y'],
    ],
  },
  {
    heading: 'alpine',
    command: 'alpine bob@example.com',
    extra: [['~/.pinerc', 'last-version-used=6.26\n']],
    sends: 'from alpine',
    dialogue: [
      // Down to the subject, and off.
      [/Subject/, '\r\r\rfrom alpine\rHello\u0018'],
      [/Send message/, 'y'],
      [/ENTER PASSWORD/, 'PASSWORD\r'],
      [/Preserve password/, 'n'],
      [/Create\?/, 'y'],
      [/Sending mail[\s\S]*ENTER PASSWORD/, 'PASSWORD\r'],
      [/Sending mail[\s\S]*Preserve password/, 'n'],
    ],
  },
]

test.each(SCREENS)('$command at a terminal', async ({ heading, command, extra = [], sends, dialogue }) => {
  const section = readSection(heading)
  const home = openHome()
  home.writeFilesOf(section)
  for (const [file, text] of extra) home.write(file, `${section.blocks.find(block => block.file === file)?.text ?? ''}${text}`)
  const keys = join(home.dir, 'keys')
  await runOk('mkfifo', [keys])
  const shell = `stty rows 30 cols 100; ${command}`
  const program = startChild('env', [...environmentOf(home), 'TERM=xterm-256color', 'sh', '-c', `exec script -qefc '${shell}' /dev/null <> ${keys}`], {
    cwd: home.dir,
  })
  for (const [seen, typed] of dialogue) {
    await program.waitForStdout(seen, 30_000)
    writeFileSync(keys, typed.replace('PASSWORD', device.device.password))
  }
  expect((await program.finished).code).toBe(0)
  if (sends !== undefined) await expectSent(sends)
})

test('imapproxyd: webmail that logs in at every click is hardly a login, until the device is revoked', async () => {
  const { device: webmail } = await stage.gateway.addDevice(ANNA, 'webmail')
  const home = openHome()
  const [port = 0] = await pickPorts(1)
  const page = readSection('Webmail: Roundcube').blocks.find(({ file }) => file === '/etc/imapproxy.conf')?.text ?? ''
  const here: Readonly<Record<string, string>> = {
    foreground_mode: 'yes',
    listen_port: String(port),
    tls_ca_file: join(home.dir, 'ca.pem'),
    stat_filename: join(home.dir, 'pimpstats'),
    protocol_log_filename: join(home.dir, 'protocol.log'),
  }
  const config = home.write(
    'imapproxy.conf',
    page.replace(/^(\w+) .*$/gm, (line, key: string) => (here[key] === undefined ? line : `${key} ${here[key]}`)),
  )
  for (const name of ['.', 'ca.pem', 'imapproxy.conf']) await runOk('chown', ['nobody', join(home.dir, name)])
  const proxy = startChild('imapproxyd', ['-f', config])
  const click = async (command: string): Promise<string> => {
    const imap = await openRawImap({ host: '127.0.0.1', port, tls: 'none' })
    await imap.readLine()
    const answer = await imap.command(`LOGIN ${quote(ANNA)} ${quote(webmail.password)}`)
    const seen = answer.includes(' NO ') ? answer : await imap.command(command)
    await imap.command('LOGOUT')
    imap.destroy()
    return seen
  }
  await waitFor('imapproxyd', 20_000, () =>
    click('NOOP').then(
      () => true,
      () => false,
    ),
  )
  for (let clicks = 0; clicks < 20; clicks++) expect(await click('STATUS INBOX (MESSAGES)')).toContain('MESSAGES')
  const countOf = (event: string) => stage.gateway.logOf(event).filter(line => line.device === webmail.id).length
  // One as a rule; a click that comes before the connection of the one before it lies there again opens another.
  const logins = countOf('auth.ok')
  expect(logins).toBeLessThan(5)
  await stage.gateway.mailwicket.json(['device', 'revoke', `${ANNA}/webmail`, '--yes'])
  await waitFor('the end of its session', 20_000, () => countOf('session.end') === logins)
  expect(await click('STATUS INBOX (MESSAGES)')).toContain('[AUTHENTICATIONFAILED]')
  await proxy.stop('SIGTERM')
})

test('alpine and offlineimap are known by the names that they tell, the others by none', async () => {
  const told = async () => {
    const rows = await stage.gateway.mailwicket.json<{ app: string | null }[]>(['activity'])
    return [...new Set(rows.flatMap(({ app }) => (app === null ? [] : [app.split(' ')[0]])))].sort()
  }
  await waitFor('what was noted of the logins', 20_000, async () => (await told()).length >= 2)
  expect(await told()).toEqual(['OfflineIMAP', 'alpine'])
})
