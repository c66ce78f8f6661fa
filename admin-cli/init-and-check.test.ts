/** One installation made by `init`, worked on by the commands as a person would. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runHere, type TestTerminalOptions } from './terminal-fixture.ts'

const SECRET = 'upstream-marker-7Yw2'
const ADDRESS = 'anna@example.com'
let cwd: string

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  expect(await runHere(['init', '--hostname', 'mail.example.com'], { cwd })).toMatchObject({ code: 0, err: '' })
  // A port that nobody listens on: no name of the sample is looked up.
  const config = join(cwd, 'mailwicket.toml')
  writeFileSync(config, readFileSync(config, 'utf8').replace('imap.internal:993', '127.0.0.1:1').replace('smtp.internal:587', '127.0.0.1:1'))
  const added = await run(['mailbox', 'add', ADDRESS, '--no-verify', '--secret-stdin'], { input: `${SECRET}\n` })
  expect(added.code).toBe(0)
})

afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const everything: string[] = []

async function run(args: readonly string[], options: TestTerminalOptions = {}) {
  const ran = await runHere(args, { cwd, ...options })
  everything.push(ran.out, ran.err)
  return ran
}

/** The one JSON value on stdout of a command that must succeed. */
async function json(args: readonly string[], options: TestTerminalOptions = {}) {
  const { code, out, err } = await run([...args, '--json'], options)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

async function failure(args: readonly string[], options: TestTerminalOptions = {}) {
  const { code, out, err } = await run([...args, '--json'], options)
  expect(out).toBe('')
  return { exit: code, ...JSON.parse(err).error }
}

describe('init', () => {
  it('keeps keys to the owner', () => {
    expect(statSync(join(cwd, 'keys/master.key')).mode & 0o777).toBe(0o600)
    expect(statSync(join(cwd, 'certs/privkey.pem')).mode & 0o777).toBe(0o600)
    expect(statSync(join(cwd, 'mailwicket.db')).mode & 0o777).toBe(0o600)
  })

  it('never overwrites: it names what is there and writes nothing', async () => {
    const before = readFileSync(join(cwd, 'keys/master.key'))
    expect(await failure(['init'])).toMatchObject({ exit: 1, code: 'ALREADY_EXISTS', message: expect.stringContaining('master.key') })
    rmSync(join(cwd, 'certs/ca.pem'))
    expect(await failure(['init'])).toMatchObject({ exit: 1, code: 'ALREADY_EXISTS' })
    expect(readFileSync(join(cwd, 'keys/master.key'))).toEqual(before)
    expect(readdirSync(join(cwd, 'certs')).sort()).toEqual(['fullchain.pem', 'privkey.pem'])
  })

  it('puts what changes into a folder of its own, where it is asked to', async () => {
    const [directory, dataDir] = [join(cwd, 'etc'), join(cwd, 'var lib')]
    const { files } = await json(['init', '--dir', 'etc', '--data-dir', 'var lib', '--hostname', 'mail.example.com'])
    expect(readdirSync(directory)).toEqual(['mailwicket.toml'])
    expect(readdirSync(dataDir)).toEqual(expect.arrayContaining(['certs', 'keys', 'mailwicket.db']))
    expect(files).toMatchObject({ config: join(directory, 'mailwicket.toml'), key: join(dataDir, 'keys/master.key'), store: join(dataDir, 'mailwicket.db') })
    // The commands find all of it through the configuration alone.
    expect(await json(['--config', files.config, 'device', 'list'])).toEqual([])
    expect(await failure(['init', '--dir', join(cwd, 'etc2'), '--data-dir', 'var lib'])).toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  it('--config: makes what a configuration that is there names, and nothing that is from elsewhere', async () => {
    const [etc, data] = [join(cwd, 'etc3'), join(cwd, 'lib3')]
    await json(['init', '--dir', etc, '--data-dir', join(cwd, 'other3'), '--hostname', 'mail.example.com'])
    const config = join(etc, 'mailwicket.toml')
    writeFileSync(config, readFileSync(config, 'utf8').replaceAll(join(cwd, 'other3'), data))
    const before = readFileSync(config, 'utf8')
    const shown = await run(['--config', config, 'init'])
    expect(shown).toMatchObject({ code: 0, err: '', out: expect.stringContaining(join(data, 'certs/ca.pem')) })
    expect(shown.out).not.toContain('the configuration')
    expect(readFileSync(config, 'utf8')).toBe(before)
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(await json(['--config', config, 'device', 'list'])).toEqual([])
    expect(await failure(['--config', config, 'init'])).toMatchObject({ code: 'ALREADY_EXISTS', message: expect.stringContaining('mailwicket.db') })
    expect(await failure(['--config', config, 'init', '--hostname', 'mail.example.com'])).toMatchObject({ exit: 2, code: 'BAD_INPUT' })

    rmSync(data, { recursive: true })
    writeFileSync(config, before.replaceAll(`${data}/certs`, join(cwd, 'certs')))
    expect((await json(['--config', config, 'init'])).files).toEqual({ config, key: join(data, 'keys/master.key'), store: join(data, 'mailwicket.db') })
    expect(readdirSync(data).sort()).toEqual(expect.not.arrayContaining(['certs']))
  })

  it('refuses what is no host name', async () => {
    expect(await failure(['init', '--dir', join(cwd, 'other'), '--hostname', 'not a name'])).toMatchObject({ exit: 2, code: 'BAD_INPUT' })
  })
})

describe('device', () => {
  it('add prints the password once, with the settings for the app', async () => {
    const device = await json(['device', 'add', ADDRESS, 'phone', '--expires', '2099-12-31', '--allow-from', '10.1.2.3/8', '--allow-from', '2001:db8::1'])
    expect(Object.keys(device)).toEqual(['id', 'mailbox', 'name', 'scopes', 'user', 'expiresAt', 'allowFrom', 'createdAt', 'password', 'settings'])
    expect(device).toMatchObject({
      mailbox: ADDRESS,
      name: 'phone',
      scopes: ['imap', 'smtp'],
      user: null,
      expiresAt: '2099-12-31T23:59:59.999Z',
      allowFrom: ['10.0.0.0/8', '2001:db8::1/128'],
      password: expect.stringMatching(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/),
      settings: [
        { protocol: 'imap', server: 'mail.example.com', port: 993, security: 'implicit', userName: ADDRESS },
        { protocol: 'submission', server: 'mail.example.com', port: 465, security: 'implicit', userName: ADDRESS },
        { protocol: 'submission', server: 'mail.example.com', port: 587, security: 'starttls', userName: ADDRESS },
      ],
    })
    const listed = await run(['device', 'list', '--json'])
    expect(listed.out).not.toContain(device.password)
  })

  it('list rows are what scripts rely on', async () => {
    const [row] = await json(['device', 'list', ADDRESS])
    expect(Object.keys(row)).toEqual([
      'id',
      'mailbox',
      'mailboxState',
      'name',
      'state',
      'scopes',
      'user',
      'userState',
      'expiresAt',
      'lastConnection',
      'sessions',
    ])
    expect(row).toMatchObject({ name: 'phone', state: 'active', lastConnection: null, sessions: 0 })
    const table = await run(['device', 'list'])
    expect(table.out).toMatch(/^ID +MAILBOX +NAME/)
    expect(table.out).toContain('phone')
  })

  it('--config counts before and after the command, and in the environment', async () => {
    const config = join(cwd, 'mailwicket.toml')
    for (const args of [
      ['--config', config, 'device', 'list', '--json'],
      ['device', 'list', '--json', '--config', config],
    ]) {
      expect((await runHere(args)).code).toBe(0)
    }
    expect((await runHere(['device', 'list'], { env: { MAILWICKET_CONFIG: config } })).code).toBe(0)
  })

  it('is named by ADDR/NAME, by its ID and by the beginning of it', async () => {
    const { id } = await json(['device', 'show', `${ADDRESS}/phone`])
    expect(await json(['device', 'show', id])).toMatchObject({ id, name: 'phone', password: 'generated', allowFrom: ['10.0.0.0/8', '2001:db8::1/128'] })
    expect(await json(['device', 'show', id.slice(0, 10)])).toMatchObject({ id })
    expect(await failure(['device', 'show', 'zzzzzzzz'])).toMatchObject({ exit: 3, code: 'NOT_FOUND' })
    expect(await failure(['device', 'show', `${ADDRESS}/nothing`])).toMatchObject({ exit: 3, code: 'NOT_FOUND' })
  })

  it('changes one thing at a time', async () => {
    const ref = `${ADDRESS}/phone`
    expect(await json(['device', 'set', ref, '--scope', 'imap', '--expires', 'never', '--allow-from-anywhere'])).toMatchObject({
      scopes: ['imap'],
      expiresAt: null,
      allowFrom: [],
    })
    expect(await json(['device', 'disable', ref])).toMatchObject({ state: 'disabled' })
    expect(await json(['device', 'enable', ref])).toMatchObject({ state: 'active' })
    expect(await json(['device', 'rename', ref, 'old phone'])).toMatchObject({ name: 'old phone' })
    const { password } = await json(['device', 'password', `${ADDRESS}/old phone`])
    expect(password).toMatch(/^[a-z2-9-]{24}$/)
    expect(await failure(['device', 'set', `${ADDRESS}/old phone`])).toMatchObject({ exit: 2, code: 'BAD_INPUT' })
    expect(await failure(['device', 'set', `${ADDRESS}/old phone`, '--expires', '2020-01-01'])).toMatchObject({
      exit: 2,
      remedy: expect.stringContaining('past'),
    })
  })

  it('takes a password of one’s own from standard input', async () => {
    const chosen = 'a chosen Marker, 16+'
    expect(await json(['device', 'add', ADDRESS, 'import', '--password-stdin'], { input: `${chosen}\n` })).toMatchObject({ password: chosen })
    expect(await failure(['device', 'add', ADDRESS, 'import 2', '--password-stdin'], { input: 'short-mark\n' })).toMatchObject({
      exit: 2,
      code: 'BAD_INPUT',
      message: expect.not.stringContaining('short-mark'),
    })
  })

  it('--unused-for finds those without a connection', async () => {
    const later = Date.now() + 100 * 86_400_000
    expect((await json(['device', 'list', '--unused-for', '90d'], { now: later })).map((row: { name: string }) => row.name).sort()).toEqual([
      'import',
      'old phone',
    ])
    expect(await json(['device', 'list', '--unused-for', '90d'])).toEqual([])
  })

  it('revoke is for all or none, and --all for the mailbox', async () => {
    expect(await failure(['device', 'revoke'])).toMatchObject({ exit: 2 })
    expect(await failure(['device', 'revoke', `${ADDRESS}/import`, '--all', ADDRESS])).toMatchObject({ exit: 2 })
    expect(await failure(['device', 'revoke', `${ADDRESS}/import`, `${ADDRESS}/nothing`])).toMatchObject({ exit: 3 })
    expect(await json(['device', 'list'])).toHaveLength(2)
    expect(await json(['device', 'revoke', `${ADDRESS}/import`, '--yes'])).toMatchObject([{ name: 'import', state: 'revoked' }])
    expect(await json(['device', 'revoke', '--all', ADDRESS, '--yes'])).toMatchObject([{ name: 'old phone' }])
    expect(await json(['device', 'list'])).toEqual([])
    expect(await json(['device', 'list', '--revoked'])).toHaveLength(2)
  })
})

describe('what else there is', () => {
  it('session list, session kick, activity', async () => {
    expect(await json(['session', 'list'])).toEqual([])
    expect(await json(['session', 'kick', '--mailbox', ADDRESS])).toEqual({ sessions: 0 })
    expect(await failure(['session', 'kick'])).toMatchObject({ exit: 2 })
    expect(await json(['activity', '--since', '1h'])).toEqual([])
  })

  it('activity --follow ends cleanly at Ctrl-C', async () => {
    const { makeTestTerminal } = await import('./terminal-fixture.ts')
    const { runCommand } = await import('./run-command.ts')
    const terminal = makeTestTerminal({ cwd })
    const running = runCommand(['activity', '--follow'], terminal, '0')
    await expect.poll(() => terminal.err()).toContain('Waiting')
    terminal.send('SIGINT')
    expect(await running).toBe(0)
  })

  it('audit says who changed what, never a secret', async () => {
    const entries = await json(['audit'])
    expect(entries.map((entry: { action: string }) => entry.action)).toContain('device.revoked')
    expect(new Set(entries.map((entry: { actor: string; source: string }) => `${entry.actor}/${entry.source}`))).toEqual(new Set(['tester/cli']))
  })

  it('mailbox: a second one of the same address, an upstream that is not there, a login under no secret', async () => {
    expect(await failure(['mailbox', 'add', ADDRESS, '--secret-stdin'], { input: 'x' })).toMatchObject({ exit: 1, code: 'ALREADY_EXISTS' })
    expect(await failure(['mailbox', 'add', 'bob@example.com', '--upstream', 'nope', '--secret-stdin'], { input: 'x' })).toMatchObject({
      exit: 2,
      remedy: expect.stringContaining('main'),
    })
    expect(await failure(['mailbox', 'add', 'not an address'])).toMatchObject({ exit: 2 })
    expect(await failure(['mailbox', 'add', 'bob@example.com'])).toMatchObject({ exit: 2, remedy: expect.stringContaining('--secret-stdin') })
    expect(await failure(['mailbox', 'set', ADDRESS])).toMatchObject({ exit: 2 })
    expect(await json(['mailbox', 'set', ADDRESS, '--disable'])).toMatchObject({ state: 'disabled' })
    expect(await json(['mailbox', 'list'])).toMatchObject([{ address: ADDRESS, state: 'disabled', hasSecret: true }])
    expect(await failure(['mailbox', 'show', 'bob@example.com'])).toMatchObject({ exit: 3 })
  })

  it('backup, key rotate, restore with the key that is no longer there', async () => {
    const file = join(cwd, 'backup.db')
    const backup = await json(['backup', file])
    expect(await json(['key', 'show'])).toMatchObject({ keyId: backup.keyId, storeKeyId: backup.keyId, rotating: false })
    const keyFile = join(cwd, 'keys/master.key')
    const old = readFileSync(keyFile)
    const rotated = await json(['key', 'rotate'])
    expect(rotated).toMatchObject({ from: backup.keyId })
    // As on another machine, to which nobody copied the new one.
    const newKeys = readFileSync(keyFile)
    writeFileSync(keyFile, old)
    const findings = JSON.parse((await run(['check', '--json'])).out) as { check: string; status: string; message: string }[]
    expect(findings).toContainEqual(expect.objectContaining({ check: 'key', status: 'fail', message: expect.stringContaining(rotated.to) }))
    writeFileSync(keyFile, newKeys)
    expect(await failure(['restore', file])).toMatchObject({ exit: 1, code: 'KEY_WRONG', message: expect.stringContaining(backup.keyId) })
    const fresh = join(cwd, 'backup-2.db')
    expect(await json(['backup', fresh])).toMatchObject({ keyId: rotated.to })
    expect(await json(['restore', fresh])).toMatchObject({ keyId: rotated.to, revived: [] })
    const { from, to } = await json(['migrate', '--dry-run'])
    expect(await json(['migrate'])).toEqual({ from: to, to: from })
  })

  it('check reports each thing on a line and fails for an upstream that does not answer', async () => {
    const { code, out, err } = await run(['check', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'CHECK_FAILED' } })
    const findings = JSON.parse(out) as { check: string; status: string; advice: string | null }[]
    expect(findings.find(({ check }) => check === 'configuration')).toMatchObject({ status: 'ok' })
    expect(findings.find(({ check }) => check === 'key')).toMatchObject({ status: 'ok' })
    expect(findings.find(({ check }) => check === 'store')).toMatchObject({ status: 'ok' })
    for (const name of ['upstream main', 'upstream main submission'])
      expect(findings.find(({ check }) => check === name)).toMatchObject({ status: 'fail', advice: expect.stringContaining('firewall') })
  })

  it.each([
    ['nobody@example.com', 'fail', 'there is no mailbox nobody@example.com'],
    ['nobody', 'fail', 'is not an e-mail address'],
    ['bare@example.com', 'warn', 'No password of bare@example.com is stored'],
  ])('check --mailbox %s says that no login of it can be tried', async (mailbox, status, message) => {
    if (status === 'warn') await run(['mailbox', 'add', mailbox, '--no-secret'])
    const { code, out } = await run(['check', '--json', '--mailbox', mailbox])
    if (status === 'warn') await run(['mailbox', 'remove', mailbox, '--yes'])
    expect(code).toBe(1)
    const found = (JSON.parse(out) as { check: string }[]).filter(({ check }) => check === 'mailbox')
    expect(found).toMatchObject([{ status, message: expect.stringContaining(message) }])
  })

  it('mailbox remove takes the devices along', async () => {
    expect(await json(['mailbox', 'remove', ADDRESS, '--yes'])).toEqual({ address: ADDRESS, devices: 0 })
    expect(await json(['mailbox', 'list'])).toEqual([])
  })

  it('the upstream secret was in no output', () => {
    expect(everything.join('\n')).not.toContain(SECRET)
    expect(everything.join('\n')).not.toContain(Buffer.from(SECRET).toString('base64'))
  })
})
