/** Migration password: until a date apps get in with the password of the real server, which a real Dovecot and a real Postfix judge. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, openImaps, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, openSmtp, plainOf, type RawSmtp, type SmtpTransport } from '../fixtures/clients/raw-smtp.ts'
import { ReadBack } from '../fixtures/clients/read-back.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { findSecret, registerSecret } from '../fixtures/marker-secrets.ts'
import { postfixUpstream, SubmissionGateway } from '../fixtures/program/submission-stage.ts'
import { Dovecot, masterPassword } from '../fixtures/servers/dovecot.ts'
import { Postfix } from '../fixtures/servers/postfix.ts'

const anna = 'anna@example.com'
const berta = 'berta@example.com'
const clara = 'clara@example.com'
const dora = 'dora@example.com'
const never = 'never@example.com'
/** Nobody has told Mailwicket her upstream password. */
const emma = 'emma@bare.example'
/** Her upstream is logged in to by a master user. */
const mia = 'mia@master.example'
const users = {
  [anna]: 'Old-upstream-marker+anna',
  [berta]: 'ölt "quoted" \\ märker',
  [clara]: 'Old-upstream-marker+clara',
  [dora]: 'Old-upstream-marker+dora',
  [never]: 'Old-upstream-marker+never',
  [emma]: 'Old-upstream-marker+emma',
  [mia]: 'Old-upstream-marker+mia',
}
/** A second after the command ended; a quarter for a busy machine. */
const endMs = 1250

let dovecot: Dovecot
let postfix: Postfix
let gateway: SubmissionGateway

beforeAll(async () => {
  dovecot = await Dovecot.open({ users })
  postfix = await Postfix.open(dovecot)
  const main = postfixUpstream(postfix, dovecot)
  gateway = await SubmissionGateway.open([main, { ...main, name: 'by-master', domains: ['master.example'], auth: 'authzid' }])
  const { mailwicket } = gateway
  for (const user of [anna, berta, clara, dora, never]) await mailwicket.addMailboxOf(dovecot, user)
  await mailwicket.addMailbox(mia)
  await mailwicket.json(['mailbox', 'add', emma, '--upstream', 'main', '--no-secret', '--legacy-password-until', '20d'])
  await mailwicket.json(['mailbox', 'set', '--all-of', 'example.com', '--legacy-password-until', '20d'])
  await mailwicket.json(['mailbox', 'set', never, '--legacy-password-until', 'off'])
  await mailwicket.json(['mailbox', 'set', mia, '--legacy-password-until', '20d'])
  await gateway.serve()
})

afterAll(async () => {
  try {
    await gateway?.mailwicket.close()
  } finally {
    await postfix?.stop()
    await dovecot?.stop()
  }
})

const imapOf = (user: string, password = dovecot.passwordOf(user)): ImapAccount => gateway.mailwicket.account(user, password)
const smtpOf = (user: string, password = dovecot.passwordOf(user)): ImapAccount => gateway.smtpAccount(user, password)
const setUntil = (user: string, when: string) => gateway.mailwicket.json(['mailbox', 'set', user, '--legacy-password-until', when])

/** Logs in with SASL PLAIN, which takes every octet. */
async function logInPlain(account: ImapAccount): Promise<RawImap> {
  const imap = await openImaps(account)
  await imap.ok(`AUTHENTICATE PLAIN ${plainOf(account).split(' ')[2]}`)
  return imap
}

/** How IMAP and submission answer a login, without the tag. */
async function answers(user: string, password: string): Promise<string[]> {
  registerSecret(password)
  const [imap, smtp] = [await openImaps(imapOf(user, password)), await openSmtp(smtpOf(user, password))]
  const said = [await imap.command(`AUTHENTICATE PLAIN ${plainOf({ user, password }).split(' ')[2]}`), await smtp.command(plainOf({ user, password }))]
  imap.destroy()
  smtp.destroy()
  return said
}

/** How often Dovecot, which answers for Postfix too, was given this password and refused it. */
const refusedByDovecot = (password: string): number => dovecot.readLog().split(`(${password}) != '`).length - 1

/** What Dovecot is asked to judge from now on: the lines of its `auth` process. */
function askedDovecot(): () => string {
  const before = dovecot.readLog().length
  const isJudging = (line: string) => line.includes(' auth: ')
  return () => dovecot.readLog().slice(before).split('\n').filter(isJudging).join('\n')
}

async function migrationRow(user: string) {
  return (await gateway.mailwicket.listDevices()).find(device => device.mailbox === user && device.name === 'legacy')
}

describe('during the window', () => {
  for (const [user, why] of [
    [anna, 'as it is'],
    [berta, 'with everything that has to be quoted'],
    [emma, 'although nobody gave it to Mailwicket before'],
    [mia, 'although the upstream is logged in to by a master user'],
  ] as const) {
    test(`the migration password opens 993, 587 and 465, ${why}`, async () => {
      const imap = await logInPlain(imapOf(user))
      await imap.ok('SELECT INBOX')
      for (const transport of ['starttls', 'implicit'] satisfies SmtpTransport[]) {
        const smtp = await logInSmtp(smtpOf(user), transport)
        const id = `<${transport}.${user}>`
        expect(await smtp.send(user, [anna], `Message-ID: ${id}\r\nSubject: migration password\r\n\r\nx\r\n`)).toMatch(/^250/)
        smtp.destroy()
        const inbox = await ReadBack.open(imapOf(anna))
        await inbox.waitFor(id)
        inbox.close()
      }
      imap.destroy()
    })
  }

  test('it shows as the device "legacy", with its last connection, its sessions and its activity', async () => {
    const imap = await openImaps(imapOf(clara))
    await imap.ok('ID ("name" "Old Outlook" "version" "16")')
    await imap.ok(`LOGIN ${clara} "${dovecot.passwordOf(clara)}"`)
    const device = await waitFor('the last connection', 5000, async () => {
      const row = await migrationRow(clara)
      return row?.lastConnection !== null && row?.sessions === 1 && row
    })
    expect(device).toMatchObject({ state: 'legacy', scopes: ['imap', 'smtp'], lastConnection: { protocol: 'imap', ip: '127.0.0.1', app: 'Old Outlook 16' } })
    const { mailwicket } = gateway
    expect((await mailwicket.listSessions()).filter(session => session.device === device.id)).toMatchObject([{ mailbox: clara, app: 'Old Outlook 16' }])
    expect(await mailwicket.json(['activity', '--device', device.id])).toMatchObject([{ result: 'ok', app: 'Old Outlook 16' }])
    expect(await mailwicket.json(['mailbox', 'show', clara])).toMatchObject({ legacyPasswordUntil: device.expiresAt, devices: 0 })
    const ok = gateway.logOf('auth.ok').filter(line => line.device === device.id)
    expect(ok).toMatchObject([{ deviceName: 'legacy', mailbox: clara }])
    imap.destroy()
  })

  test('a device’s own password works beside it, and is told apart from it', async () => {
    const { device, imap, smtp } = await gateway.addDevice(anna, 'Phone')
    for (const account of [imap, smtp]) (await (account === imap ? logIn(imap) : logInSmtp(smtp))).destroy()
    expect(gateway.logOf('auth.ok').filter(line => line.device === device.id)).toHaveLength(2)
  })

  test('fifty apps at once get in with it', async () => {
    const many = await Promise.all(Array.from({ length: 50 }, () => logIn(imapOf(anna))))
    await Promise.all(many.map(imap => imap.ok('NOOP')))
    for (const imap of many) imap.destroy()
  })

  test('who still uses it is listed, the latest first; who never did, last', async () => {
    const { mailwicket } = gateway
    await waitFor('two users', 5000, async () => (await migrationRow(anna))?.lastConnection !== null && (await migrationRow(clara))?.lastConnection !== null)
    const rows = await mailwicket.json<{ address: string; lastConnection: { at: string } | null }[]>(['mailbox', 'list', '--legacy'])
    const times = rows.map(row => row.lastConnection?.at ?? '')
    expect(times).toEqual([...times].sort().reverse())
    expect(rows.map(row => row.address).sort()).toEqual([anna, berta, clara, dora, emma, mia])
    expect(rows.at(-1)).toMatchObject({ address: dora, lastConnection: null, sessions: 0, devices: 0 })
    const { stdout } = await mailwicket.run(['mailbox', 'list', '--legacy'])
    expect(stdout).toMatch(/^ADDRESS +STATE +UNTIL +LAST USED/)
    // Twenty days are left: a remark, and no warning yet.
    const findings = JSON.parse((await mailwicket.run(['check', '--json'])).stdout) as { check: string; status: string; message: string }[]
    expect(findings.filter(({ check }) => check === 'cut-over')).toMatchObject([
      { status: 'ok', message: expect.stringContaining('used it in the last 7 days') },
    ])
  })
})

describe('a wrong secret', () => {
  test('is answered like an unknown address, and never calls the administrator', async () => {
    const asked = askedDovecot()
    const told = await answers(anna, 'marker-wrong-of-anna')
    expect(told).toEqual(await answers('nobody@example.com', 'marker-wrong-of-anna'))
    expect(told[0]).toMatch(/^t1 NO \[AUTHENTICATIONFAILED\]/)
    expect(told[1]).toMatch(/^535 5\.7\.8/)
    const lines = gateway.logOf('auth.refused').filter(line => line.mailbox === anna)
    expect(lines).toMatchObject([{ reason: 'wrong-secret', legacy: expect.stringContaining('the upstream says') }, { reason: 'wrong-secret' }])
    expect(gateway.logOf('upstream.refused-us')).toEqual([])
    expect(refusedByDovecot('marker-wrong-of-anna')).toBe(2) // once for each protocol
    expect(asked()).toContain(anna)
  })

  test('a thousand times the same: the upstream hears of it once', async () => {
    const password = 'marker-again-and-again'
    registerSecret(password)
    const tries = async () => {
      const imap = await openImaps(imapOf(anna, password))
      for (let at = 0; at < 10; at += 1) expect(await imap.command(`LOGIN ${anna} ${password}`)).toContain('[AUTHENTICATIONFAILED]')
      imap.destroy()
    }
    for (let round = 0; round < 2; round += 1) await Promise.all(Array.from({ length: 50 }, tries))
    expect(refusedByDovecot(password)).toBe(1)
  })

  test('fifty different ones at once: each is answered, the right one too', async () => {
    const flood = Array.from({ length: 50 }, async (_, at) => {
      const password = `marker-guess-number-${at}`
      registerSecret(password)
      const imap = await openImaps(imapOf(anna, password))
      expect(await imap.command(`LOGIN ${anna} ${password}`)).toMatch(/\[(AUTHENTICATIONFAILED|UNAVAILABLE|LIMIT)\]/)
      imap.destroy()
    })
    const owner = await logIn(imapOf(anna))
    await owner.ok('NOOP')
    owner.destroy()
    await Promise.all(flood)
  })

  test('an app password, right for another mailbox, or with a slip, never reaches the upstream', async () => {
    const { password } = await gateway.mailwicket.addDevice(berta, 'Phone')
    const slip = `${password.slice(0, -6)}-${password.slice(-3)}`
    for (const wrong of [password, password.replaceAll('-', ''), slip]) expect((await answers(anna, wrong))[0]).toContain('[AUTHENTICATIONFAILED]')
    expect(findSecret(dovecot.readLog(), [password, slip])).toBeUndefined()
  })

  test('the master user’s secret opens nobody’s mailbox, by whatever name', async () => {
    for (const user of [mia, 'mia@master.example*gateway-master', 'gateway-master'])
      expect((await answers(user, masterPassword))[0]).toContain('[AUTHENTICATIONFAILED]')
  })

  test('where there is no window, nothing is tried', async () => {
    const asked = askedDovecot()
    expect((await answers(never, dovecot.passwordOf(never)))[0]).toContain('[AUTHENTICATIONFAILED]')
    expect(asked()).not.toContain(never)
  })
})

describe('the end', () => {
  let imap: RawImap
  let smtp: RawSmtp
  let ofDevice: RawImap

  async function openAll(user: string): Promise<void> {
    imap = await logIn(imapOf(user))
    smtp = await logInSmtp(smtpOf(user))
    ofDevice ??= await logIn((await gateway.addDevice(user, 'Stays')).imap)
  }

  async function expectEnd(ms = endMs): Promise<void> {
    await within('the end of both sessions', ms, Promise.all([imap.readToEnd(), smtp.wire.readToEnd()]))
    await ofDevice.ok('NOOP')
  }

  test('a kick ends its sessions, and it may come back', async () => {
    await openAll(clara)
    await gateway.mailwicket.json(['session', 'kick', '--device', `${clara}/legacy`])
    await expectEnd()
    await openAll(clara)
  })

  test('`off` ends its sessions at once, and nothing is tried any more', async () => {
    await setUntil(clara, 'off')
    await expectEnd()
    const asked = askedDovecot()
    expect(await answers(clara, dovecot.passwordOf(clara))).toEqual(await answers('nobody@example.com', dovecot.passwordOf(clara)))
    expect(asked()).not.toContain(clara)
  })

  test('so does revoking the device', async () => {
    await setUntil(clara, '1d')
    await openAll(clara)
    await gateway.mailwicket.json(['device', 'revoke', `${clara}/legacy`, '--yes'])
    await expectEnd()
    expect(await gateway.mailwicket.json(['mailbox', 'show', clara])).toMatchObject({ legacyPasswordUntil: null })
  })

  test('so does the date, by itself', async () => {
    await setUntil(clara, '1d')
    await openAll(clara)
    await setUntil(clara, '2s')
    await expectEnd(2000 + endMs)
    expect((await answers(clara, dovecot.passwordOf(clara)))[0]).toContain('[AUTHENTICATIONFAILED]')
    expect(await migrationRow(clara)).toMatchObject({ state: 'expired' })
    ofDevice.destroy()
  })
})

test('an upstream that is down is no wrong password', async () => {
  await postfix.stop()
  await dovecot.stop()
  const told = await answers(anna, dovecot.passwordOf(anna))
  expect(told[0]).toContain('NO [UNAVAILABLE]')
  expect(told[1]).toMatch(/^454 4\.7\.0/)
  await dovecot.start()
  await postfix.start()
  const [imap, smtp] = [await logIn(imapOf(anna)), await logInSmtp(smtpOf(anna))]
  imap.destroy()
  smtp.destroy()
})
