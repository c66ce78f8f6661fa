/** Import and export as a person does them, in one installation made by `init`. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { makeTestTerminal, runHere } from '../terminal-fixture.ts'
import { reasons, UPSTREAM, useInstallation } from './import-fixture.ts'

const CHOSEN = 'a chosen Marker, 16+'
let hash: string
let cwd: string

beforeAll(async () => {
  hash = await new PasswordHasher().hash(Secret.fromText('another Marker of somebody'))
})
const { run, json, file, importRows, folder } = useInstallation()
beforeEach(() => {
  cwd = folder()
})
const HEAD = 'mailbox,upstream,secret,device,scopes,expires,allow_from,user,password_hash,password'

describe('import', () => {
  it('takes a spreadsheet: mailboxes, devices with hashes and with passwords', async () => {
    const name = file('staff.csv', [
      HEAD,
      `anna@Example.com,main,${UPSTREAM},phone,imap smtp,2099-12-31,10.1.2.3/8 ::1,,"${hash}",`,
      `anna@example.com,,,laptop,imap,,,,,"${CHOSEN}"`,
      'bob@example.com,main,,,,,,,,',
    ])
    expect(await importRows(name)).toMatchObject({
      code: 0,
      rows: 3,
      mailboxes: { added: 2, changed: 0, unchanged: 0 },
      devices: { added: 2 },
      withoutSecret: 1,
      bad: 0,
      passwords: null,
    })
    expect(await json('device', 'show', 'anna@example.com/phone')).toMatchObject({
      scopes: ['imap', 'smtp'],
      expiresAt: '2099-12-31T23:59:59.999Z',
      allowFrom: ['10.0.0.0/8', '::1/128'],
      password: 'imported',
    })
    expect(await json('device', 'show', 'anna@example.com/laptop')).toMatchObject({ scopes: ['imap'], expiresAt: null, password: 'chosen' })
    expect(await json('mailbox', 'show', 'anna@example.com')).toMatchObject({ hasSecret: true, login: null })
    expect(await importRows(name), 'a second time').toMatchObject({ code: 0, mailboxes: { unchanged: 2 }, devices: { added: 0, changed: 0, unchanged: 2 } })
    const audit = await json('audit', '--since', '1h')
    expect(audit.filter(({ action }: { action: string }) => action === 'device.added')).toMatchObject([
      { after: { import: 'staff.csv:2' } },
      { after: { import: 'staff.csv:3' } },
    ])
    expect(audit.at(-1)).toMatchObject({ action: 'store.imported', after: { file: 'staff.csv', rows: 3, bad: 0, mailboxesAdded: 0 } })
  })

  it.each([
    ['semicolons and a byte order mark', '\uFEFFMailbox;Upstream;Device;Password hash', () => `anna@example.com;main;phone;${hash}`],
    ['tabs', 'mailbox\tupstream\tdevice\tpassword_hash', () => `anna@example.com\tmain\tphone\t${hash}`],
    ['the hash as Dovecot writes it', 'mailbox;upstream;device;password_hash', () => `anna@example.com;main;phone;{ARGON2ID}${hash}`],
    ['line ends of Windows', 'mailbox;upstream;device;password_hash\r', () => `anna@example.com;main;phone;${hash}\r`],
  ])('reads %s', async (_what, head, row) => {
    expect(await importRows(file('staff.csv', [head, row()]))).toMatchObject({ code: 0, devices: { added: 1 } })
  })

  it('takes the good rows and tells each bad one with its line; with --strict none', async () => {
    await run(['user', 'add', 'anna'])
    const rows = [
      [`good@example.com,main,,phone,,,,anna,"${hash}",`, undefined],
      [`hunter2-marker,main,,phone,,,,,"${hash}",`, 'mailbox: no e-mail address such as anna@example.com'],
      [`,main,,phone,,,,,"${hash}",`, 'mailbox: it is empty; every row names its mailbox'],
      [`a@example.com,hunter2-marker,,phone,,,,,"${hash}",`, 'upstream: the configuration has main'],
      [`a@example.com,main,,hunter2/marker,,,,,"${hash}",`, 'device: a device’s name must have 1 to 100 printable characters and no "/"'],
      [`a@example.com,main,,phone,hunter2-marker,,,,"${hash}",`, 'scopes: imap, smtp, or both are expected'],
      [`a@example.com,main,,phone,,hunter2-marker,,,"${hash}",`, expect.stringMatching(/^expires: a date/)],
      [`a@example.com,main,,phone,,2026-02-30,,,"${hash}",`, expect.stringMatching(/^expires: a date/)],
      [`a@example.com,main,,phone,,,hunter2-marker,,"${hash}",`, expect.stringMatching(/^allow_from: /)],
      [`a@example.com,main,,phone,,,,hunter2 marker,"${hash}",`, expect.stringMatching(/^user: a login/)],
      [`a@example.com,main,,phone,,,,berta,"${hash}",`, expect.stringMatching(/^user: there is no such user/)],
      ['a@example.com,main,,phone,,,,,$2y$10$hunter2-marker,', 'password_hash: it is not an argon2id PHC string'],
      [`a@example.com,main,,phone,,,,,"${hash.replace(/m=\d+/, 'm=9999999')}",`, expect.stringMatching(/^password_hash: it asks for m=9999999/)],
      [`a@example.com,main,,phone,,,,,"${hash}","${CHOSEN}"`, 'password, password_hash: give one of them'],
      ['a@example.com,main,,phone,,,,,,hunter2-marker', expect.stringContaining('the password has 14 characters')],
      ['a@example.com,main,,phone,,,,,,', expect.stringContaining('--generate')],
      [`a@example.com,main,,,imap,,,,"${hash}",`, expect.stringMatching(/^device: /)],
      [`good@example.com,main,,tablet,,,,,"${hash}",`, 'password_hash: another device of this mailbox has it'],
      ['a@example.com,main,,phone,,,,,,,,hunter2-marker', expect.stringMatching(/^12 cells under 10 columns/)],
      ['a@example.com,main,,"pho"ne,,,,,,', expect.stringContaining('quotes')],
      ['good2@example.com,main,,,,,,,,', undefined],
    ] as const
    const name = file('staff.csv', [HEAD, ...rows.map(([row]) => row)])
    const expected = rows.flatMap(([, reason], at) => (reason === undefined ? [] : [{ line: at + 2, reason }]))
    const strict = await importRows(name, '--strict')
    expect(strict).toMatchObject({
      code: 1,
      nothingTaken: true,
      error: { code: 'IMPORT_INCOMPLETE', message: '19 rows are bad of 21, and with --strict nothing was taken.' },
    })
    expect(await json('mailbox', 'list')).toEqual([])
    const taken = await importRows(name)
    expect(taken).toMatchObject({
      code: 1,
      bad: 19,
      mailboxes: { added: 2 },
      devices: { added: 1 },
      error: { message: expect.stringContaining('all others were taken') },
    })
    expect(taken.badRows).toEqual(expected)
    expect(taken.badRows).toEqual(strict.badRows)
    expect(JSON.stringify([strict, taken])).not.toMatch(/hunter2/)
    const text = await run(['import', name, '--rejects', 'bad.csv'])
    expect(text.err.match(/^ {2}line \d+: /gm)).toHaveLength(19)
    expect(readFileSync(join(cwd, 'bad.csv'), 'utf8').split('\n')).toHaveLength(21)
    expect(text.out + text.err + readFileSync(join(cwd, 'bad.csv'), 'utf8')).not.toMatch(/hunter2/)
  })

  it('--dry-run says the same and changes nothing, whatever stands in the rows', async () => {
    const name = file('staff.csv', [
      HEAD,
      `anna@example.com,main,${UPSTREAM},phone,,,,berta,,`,
      'anna@example.com,,,tablet,,,,,,"a chosen Marker, 16+"',
      'nobody,,,,,,,,,',
    ])
    const before = await json('audit')
    const rehearsed = await importRows(name, '--dry-run', '--generate', 'new.csv', '--add-users')
    expect(rehearsed).toMatchObject({
      code: 1,
      dryRun: true,
      mailboxes: { added: 1, unchanged: 0 },
      devices: { added: 2 },
      usersAdded: 1,
      bad: 1,
      passwords: null,
    })
    expect([await json('mailbox', 'list'), await json('user', 'list'), await json('audit')]).toEqual([[], [], before])
    expect(readdirSync(cwd).sort()).toEqual(['certs', 'keys', 'mailwicket.db', 'mailwicket.toml', 'staff.csv'])
    const { dryRun, passwords, error, ...same } = await importRows(name, '--generate', 'new.csv', '--add-users')
    expect({ ...rehearsed, dryRun, passwords, error }).toEqual({ ...same, dryRun: false, passwords: join(cwd, 'new.csv'), error })
  })

  it('takes the end of a migration, and never a device with its name', async () => {
    const head = 'mailbox,upstream,legacy_password_until'
    await importRows(file('one.csv', [head, 'anna@example.com,main,2099-12-31', 'bob@example.com,main,']))
    expect((await json('mailbox', 'list')).map((row: { legacyPasswordUntil: string | null }) => row.legacyPasswordUntil)).toEqual([
      '2099-12-31T23:59:59.999Z',
      null,
    ])
    const off = file('two.csv', [head, 'anna@example.com,main,off', 'bob@example.com,main,'])
    expect(reasons(await importRows(off))).toEqual(['2 the mailbox is there already, and differs in legacy_password_until; --update changes it'])
    expect(await importRows(off, '--update')).toMatchObject({ code: 0, mailboxes: { changed: 1, unchanged: 1 } })
    expect((await json('mailbox', 'show', 'anna@example.com')).legacyPasswordUntil).toBeNull()
    const device = file('three.csv', [HEAD, `anna@example.com,main,,Legacy,,,,,"${hash}",`, `bob@example.com,main,,phone,,,,,,"some words of mine"`])
    expect(reasons(await importRows(device, '--update'))).toEqual([expect.stringMatching(/^2 device: the name "legacy"/)])
  })

  it('changes what is there only with --update', async () => {
    await importRows(file('one.csv', [HEAD, `anna@example.com,main,${UPSTREAM},phone,imap smtp,2099-12-31,10.0.0.0/8,,"${hash}",`]))
    const other = await new PasswordHasher().hash(Secret.fromText('yet another of somebody'))
    const changed = file('two.csv', [HEAD, `anna@example.com,main,${UPSTREAM}2,phone,imap,,,,"${other}",`])
    expect(reasons(await importRows(changed))).toEqual(['2 the mailbox is there already, and differs in secret; --update changes it'])
    const device = file('three.csv', ['mailbox;device;scopes;expires;password_hash', `anna@example.com;phone;imap;;${other}`])
    expect(reasons(await importRows(device))).toEqual(['2 the device is there already, and differs in scopes, expires, password; --update changes it'])
    expect(await importRows(changed, '--update')).toMatchObject({ code: 0, mailboxes: { changed: 1 }, devices: { changed: 1 } })
    expect(await json('device', 'show', 'anna@example.com/phone')).toMatchObject({ scopes: ['imap'], expiresAt: null, allowFrom: [] })
    expect(await importRows(changed, '--update'), 'again').toMatchObject({ mailboxes: { unchanged: 1 }, devices: { unchanged: 1 } })
    const actions = (await json('audit')).map(({ action }: { action: string }) => action)
    expect(actions.slice(-5)).toEqual(['mailbox.changed', 'device.changed', 'device.password', 'store.imported', 'store.imported'])
    // A column that is not there is not said.
    expect(await importRows(file('four.csv', ['mailbox,device', 'anna@example.com,phone']), '--update')).toMatchObject({ devices: { unchanged: 1 } })
  })

  it('generates passwords into a private file, once', async () => {
    const name = file('staff.csv', ['mailbox,upstream,device', 'anna@example.com,main,phone', 'anna@example.com,main,=tablet'])
    expect(await importRows(name, '--generate', 'new.csv')).toMatchObject({ code: 0, devices: { added: 2 }, passwords: join(cwd, 'new.csv') })
    const [head, ...rows] = readFileSync(join(cwd, 'new.csv'), 'utf8').trim().split('\n')
    expect(head).toBe('mailbox,device,password')
    expect(rows).toEqual([expect.stringMatching(/^anna@example.com,phone,([a-z2-9]{4}-){4}[a-z2-9]{4}$/), expect.stringMatching(/^anna@example.com,'=tablet,/)])
    expect(statSync(join(cwd, 'new.csv')).mode & 0o777).toBe(0o600)
    expect(await importRows(name, '--generate', 'new.csv')).toMatchObject({ code: 1, error: { code: 'ALREADY_EXISTS' } })
    expect(await importRows(name, '--generate', 'more.csv')).toMatchObject({ code: 0, devices: { unchanged: 2 }, passwords: null })
    expect(existsSync(join(cwd, 'more.csv'))).toBe(false)
    expect(JSON.stringify(await json('audit'))).not.toContain(rows[0]?.split(',')[2])
  })

  it('brings no revoked device and no revoked password back', async () => {
    const name = file('staff.csv', [HEAD, `anna@example.com,main,,phone,,,,,"${hash}",`, `anna@example.com,main,,laptop,,,,,,"${CHOSEN}"`])
    await importRows(name)
    await json('device', 'revoke', 'anna@example.com/phone', 'anna@example.com/laptop', '--yes')
    expect(reasons(await importRows(name, '--update'))).toEqual(['2 password_hash: that of a revoked device', '3 password: that of a revoked device'])
    expect(await json('device', 'list')).toEqual([])
  })

  it('does not unlink the device of a blocked user, which would get in again', async () => {
    const name = file('staff.csv', [HEAD, `anna@example.com,main,,phone,,,,berta,"${hash}",`])
    await importRows(name, '--add-users')
    await json('user', 'block', 'berta')
    expect(await importRows(name, '--update')).toMatchObject({ code: 0, devices: { unchanged: 1 } })
    const unlinked = file('other.csv', ['mailbox,device,user', 'anna@example.com,phone,'])
    expect(reasons(await importRows(unlinked, '--update'))).toEqual([expect.stringContaining('2 user: the device’s user is blocked')])
    expect(await json('device', 'show', 'anna@example.com/phone')).toMatchObject({ user: 'berta', userState: 'blocked' })
  })

  it('bounds what a wrong password may cost: twelve chosen or imported devices a mailbox', async () => {
    const rows = Array.from({ length: 14 }, (_, at) => `anna@example.com,main,,d${at},,,,,"${hash.replace(/.$/, 'ABCDEFGHIJKLMNOP'[at] ?? 'A')}",`)
    const { bad, badRows } = await importRows(file('many.csv', [HEAD, ...rows]))
    expect(bad).toBeGreaterThanOrEqual(2)
    expect(badRows.at(-1).reason).toContain('12 devices with chosen or imported passwords')
    expect((await json('device', 'list')).length).toBe(12)
  })

  it.each([
    ['nothing', [], 'it is empty'],
    ['no header', ['hunter2-marker,x'], 'column 1 of the first line is no known name'],
    ['a header without the mailbox', ['device,password'], 'the column mailbox is missing'],
    ['a column twice', ['mailbox,device,Device'], 'the column device stands twice'],
  ])('refuses a file with %s', async (_what, lines, message) => {
    const refused = await importRows(file('x.csv', lines))
    expect(refused).toMatchObject({ code: 2, error: { code: 'BAD_INPUT', message: expect.stringContaining(message) } })
    expect(JSON.stringify(refused)).not.toContain('hunter2')
  })

  it('refuses what is not UTF-8 and says where', async () => {
    writeFileSync(join(cwd, 'x.csv'), Buffer.concat([Buffer.from('mailbox,device\nanna@example.com,'), Buffer.of(0xe4, 0x0a)]))
    expect(await importRows('x.csv')).toMatchObject({
      code: 2,
      error: { message: expect.stringMatching(/not UTF-8/), remedy: expect.stringContaining('iconv') },
    })
  })

  it('warns of a file with passwords that others can read', async () => {
    const open = file('x.csv', [HEAD, `anna@example.com,main,${UPSTREAM},,,,,,,`], 0o644)
    expect((await run(['import', open])).err).toMatch(/others on this machine can read .*x\.csv.*chmod 600/)
    expect((await run(['import', file('y.csv', [HEAD, 'anna@example.com,main,,,,,,,,'], 0o644)])).err).not.toContain('Warning')
  })

  it('Ctrl-C leaves whole rows, and the next run finishes', async () => {
    const rows = Array.from({ length: 3000 }, (_, at) => `user${at}@example.com,main`)
    const name = file('many.csv', ['mailbox,upstream', ...rows])
    const { runCommand } = await import('../run-command.ts')
    const terminal = makeTestTerminal({ cwd })
    const running = runCommand(['import', name], terminal, '0')
    await expect.poll(async () => (await json('mailbox', 'list')).length, { timeout: 20_000 }).toBeGreaterThan(0)
    terminal.send('SIGINT')
    const code = await running
    const count = (await json('mailbox', 'list')).length
    // On a very fast machine it was done.
    if (code !== 0) expect([code, terminal.err()]).toEqual([130, expect.stringContaining('Run the command again')])
    expect(count % 250 === 0 || count === 3000).toBe(true)
    expect(await importRows(name)).toMatchObject({ code: 0, mailboxes: { added: 3000 - count, unchanged: count } })
  }, 60_000)
})

describe('export', () => {
  const fill = async (): Promise<void> => {
    await run(['user', 'add', 'anna'])
    const name = file('staff.csv', [HEAD, `anna@example.com,main,${UPSTREAM},phone,imap,2099-12-31,10.0.0.0/8,anna,"${hash}",`, 'bob@example.com,main,,,,,,,,'])
    await importRows(name)
    await run(['device', 'add', 'anna@example.com', '=HYPERLINK("x")'])
    await run(['device', 'add', 'anna@example.com', "'=x"])
    await run(['device', 'disable', 'anna@example.com/phone'])
    await run(['mailbox', 'set', 'bob@example.com', '--disable'])
    await run(['device', 'add', 'bob@example.com', 'gone'])
    await run(['device', 'revoke', 'bob@example.com/gone', '--yes'])
    rmSync(join(cwd, name))
  }

  it.each(['csv', 'json'])('%s is private, has no secret, and is taken back without a change', async format => {
    await fill()
    expect(await json('export', `out.${format}`)).toEqual({ file: join(cwd, `out.${format}`), format, withHashes: false, mailboxes: 2, devices: 3 })
    const text = readFileSync(join(cwd, `out.${format}`), 'utf8')
    expect(statSync(join(cwd, `out.${format}`)).mode & 0o777).toBe(0o600)
    for (const secret of [UPSTREAM, 'argon2', 'gone']) expect(text).not.toContain(secret)
    expect(text).not.toMatch(/^[=+@-]|[,\t;][=+@-]/m)
    expect(await importRows(`out.${format}`)).toMatchObject({ code: 0, mailboxes: { added: 0, changed: 0 }, devices: { added: 0, changed: 0, unchanged: 3 } })
    expect((await run(['export', `out.${format}`])).code).toBe(1)
    expect((await json('audit')).find(({ action }: { action: string }) => action === 'store.exported')).toMatchObject({
      after: { hashes: false, mailboxes: 2, devices: 3 },
    })
  })

  it.each(['csv', 'json'])('%s with hashes brings everything into a new installation, with another key', async format => {
    await fill()
    await json('export', `out.${format}`, '--with-hashes')
    const there = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
    try {
      await runHere(['init', '--hostname', 'mail.example.com'], { cwd: there })
      const taken = await runHere(['import', join(cwd, `out.${format}`), '--add-users'], { cwd: there })
      expect([taken.code, taken.err]).toEqual([0, expect.stringContaining('without an upstream password: 2')])
      const list = async (dir: string, what: string) =>
        JSON.parse((await runHere([what, 'list', '--json'], { cwd: dir })).out).map(({ id, createdAt, hasSecret, ...row }: Record<string, unknown>) => row)
      for (const what of ['mailbox', 'device']) expect(await list(there, what)).toEqual(await list(cwd, what))
    } finally {
      rmSync(there, { recursive: true, force: true })
    }
  })

  it('goes to standard output: CSV, lines, or one JSON value', async () => {
    await fill()
    expect((await run(['export'])).out).toMatch(/^mailbox,upstream,login,mailbox_state,legacy_password_until,device,.*,user,note,aliases,people$/m)
    expect((await run(['export', '-', '--format', 'json'])).out.trim().split('\n')).toHaveLength(2)
    const array = await run(['export', '--json'])
    expect(JSON.parse(array.out)).toMatchObject([
      { mailbox: 'anna@example.com', devices: [{}, {}, { name: 'phone', state: 'disabled' }] },
      { state: 'disabled' },
    ])
    expect((await run(['import', '-'], { input: array.out })).out).toContain('Mailboxes: 0 added, 0 changed, 2 there already')
    expect((await run(['export', '--with-hashes'], { isTTY: true })).code).toBe(2)
  })

  it('tells whose blocking is not in the file', async () => {
    await fill()
    await run(['user', 'block', 'anna'])
    expect((await run(['export', 'out.csv'])).err).toContain('block them again where you import it: anna')
  })
})
