/** What `npm pack` makes, installed where there is no checkout: it makes its folder, serves, gives out a device and lets it in. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChildOptions, type Finished, type RunningChild, runOk, startChild } from '../fixtures/child-process.ts'
import { logIn } from '../fixtures/clients/raw-imap.ts'
import { expectNoSecretPrinted, registerSecret } from '../fixtures/marker-secrets.ts'
import { Dovecot } from '../fixtures/servers/dovecot.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const user = 'reader@example.com'
const root = fileURLToPath(new URL('../..', import.meta.url))
let dovecot: Dovecot
let copy: string
let tarball: string
/** Where somebody installs it, without a checkout. */
let machine: string
let serve: RunningChild | undefined

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/45' } })
  const temp = makeTempDir()
  machine = join(temp, 'machine')
  mkdirSync(machine)
  copy = join(temp, 'copy')
  // A copy: packing builds, and a build in the working tree would be seen by whoever works there.
  const left = /^(?:\.git|node_modules|dist|.*\.tgz)$/
  mkdirSync(copy)
  for (const name of globSync('{*,.ci}', { cwd: root })) if (!left.test(name)) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  await runOk('npm', ['pack', '--loglevel=error'], { cwd: copy, timeoutMs: 110_000 })
  tarball = join(copy, globSync('*.tgz', { cwd: copy })[0] ?? '')
})

afterAll(async () => {
  serve?.process.kill('SIGTERM')
  await serve?.finished
  await dovecot?.stop()
  expectNoSecretPrinted()
})

const launcher = () => join(machine, 'node_modules/.bin/mailwicket')
const config = () => join(machine, 'mailwicket.toml')
const run = (args: readonly string[], options: ChildOptions = {}): Promise<Finished> => runOk(launcher(), args, { cwd: machine, ...options })

test('it holds what is needed and nothing else', async () => {
  const { stdout } = await runOk('tar', ['-tzf', tarball])
  const files = stdout.trim().split('\n')
  expect(files).toEqual(
    expect.arrayContaining([
      'package/bin/mailwicket',
      'package/dist/admin-cli/main.js',
      'package/dist/admin-cli-main.js.map',
      'package/dist/LICENSES.txt',
      'package/docs/operation.md',
      'package/packaging/systemd/mailwicket.service',
    ]),
  )
  // Node does not strip types below node_modules.
  expect(files.filter(file => /\.ts$|\.test\.|-fixture\.|\/test\/|\/bench\/|\.(?:db|pem|key|tgz)$/.test(file))).toEqual([])
})

test('installed from the tarball alone, it serves', async () => {
  await runOk(
    'npm',
    ['install', '--prefix', machine, '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', tarball],
    {
      cwd: '/',
      timeoutMs: 110_000,
    },
  )
  // What the program runs on from here on.
  rmSync(join(copy, 'dist'), { recursive: true })
  await run(['init', '--hostname', 'localhost'])
  expect(statSync(config()).mode & 0o777).toBe(0o640)
  const text = readFileSync(config(), 'utf8')
    .replaceAll(/^address = ".*"/gm, 'address = "127.0.0.1:0"')
    .replace(/^imap = .*/m, `imap = { address = "localhost:${dovecot.ports.plain}", tls = "none" }`)
    .replace(/^submission = .*/m, `submission = { address = "localhost:${dovecot.ports.plain}", tls = "none" }`)
  // Workers, as on any machine with several cores: their program is a file of its own in dist/, and so is the thread that writes to the store.
  writeFileSync(config(), `workers = 2\n${text}`)
  registerSecret(dovecot.passwordOf(user))
  await run(['mailbox', 'add', user, '--secret-stdin'], { input: dovecot.passwordOf(user) })
  serve = startChild(launcher(), ['serve'], { cwd: machine })
  const [line] = await serve.waitForStdout(/^\{"event":"ready".*$/m, 30_000)
  const ready = JSON.parse(line) as { listen: { protocol: string; address: string }[] }
  const port = Number(
    ready.listen
      .find(({ protocol }) => protocol === 'imap')
      ?.address.split(':')
      .at(-1),
  )
  const { password } = JSON.parse((await run(['device', 'add', user, 'Phone', '--json'], { printsSecret: true })).stdout) as { password: string }
  registerSecret(password)
  const session = await logIn({ host: 'localhost', port, starttlsPort: 0, user, password, ca: join(machine, 'certs/ca.pem') })
  await session.ok('SELECT INBOX')
  await expect.poll(async () => (await run(['session', 'list', '--json'])).stdout, { timeout: 20_000 }).toContain('"protocol": "imap"')
  session.destroy()
  serve.process.kill('SIGTERM')
  expect((await serve.finished).code).toBe(0)
})
