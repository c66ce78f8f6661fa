/** Guessing: slowed down, then refused, while those who have a right password notice nothing. With hydra and fail2ban as they come from Debian. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChild } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { openImapsFrom, quote } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Stage } from '../fixtures/program/stage.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const [ann, bob, cleared] = ['ann@example.com', 'bob@example.com', 'cleared@example.com']
const HOME = '127.0.0.1'
const filter = fileURLToPath(new URL('../../packaging/fail2ban/mailwicket.conf', import.meta.url))
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [ann, bob, cleared] })
  await stage.gateway.serve()
})
afterAll(async () => await stage?.close())

/** The response code of one login on a connection of its own; `OK`; `closed` when there was no answer. */
async function logInFrom(localAddress: string, account: ImapAccount): Promise<string> {
  const imap = await openImapsFrom(localAddress, account).catch(() => undefined)
  // A closed block's connections are cut before their handshake.
  if (imap === undefined || imap.isEnded) return 'closed'
  const reply = await imap.command(`LOGIN ${quote(account.user)} ${quote(account.password)}`)
  imap.destroy()
  return /^t\d+ (?:NO \[(\w+)\]|(OK))/m.exec(reply)?.slice(1).find(Boolean) ?? 'closed'
}

let wrongSecrets = 0
/** So many different wrong passwords, on some connections at a time; how often each response code came. */
async function guess(localAddress: string, account: ImapAccount, times: number): Promise<Map<string, number>> {
  const codes = new Map<string, number>()
  let left = times
  const one = async () => {
    while (left > 0) {
      left -= 1
      wrongSecrets += 1
      const password = `a wrong password ${wrongSecrets}`
      registerSecret(password)
      const code = await logInFrom(localAddress, { ...account, password })
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 40 }, one))
  return codes
}

const limits = async () =>
  await stage.gateway.json<{ kind: string; block: string | null; address: string | null; failures: number; restriction: string }[]>(['limits', 'list'])

describe('an address that guesses at a mailbox', () => {
  const thief = '127.0.0.66'
  let phone: ImapAccount
  let chosen: ImapAccount

  beforeAll(async () => {
    phone = await stage.addAccount(ann, 'Phone')
    const password = 'a chosen password of ann'
    await stage.gateway.addDevice(ann, 'Chosen', [], password)
    chosen = { ...phone, password }
    // Known from now on.
    expect([await logInFrom(HOME, phone), await logInFrom(HOME, chosen)]).toEqual(['OK', 'OK'])
    const codes = await guess(thief, phone, 125)
    expect(codes.get('OK')).toBeUndefined()
    expect(codes.get('LIMIT')).toBeGreaterThan(0)
    expect(codes.get('AUTHENTICATIONFAILED')).toBeGreaterThan(90)
  })

  test('is refused, whatever it sends: also a right password', async () => {
    expect(await logInFrom(thief, chosen)).toBe('LIMIT')
    expect(await logInFrom(thief, phone)).toBe('LIMIT')
    expect(await logInFrom(thief, { ...phone, user: bob })).toBe('LIMIT')
  })

  test('the owner at a known address notices nothing', async () => {
    expect(await logInFrom(HOME, phone)).toBe('OK')
    expect(await logInFrom(HOME, chosen)).toBe('OK')
  })

  test('the owner at a new address gets in with a generated password; a chosen one is not looked at there', async () => {
    expect(await logInFrom('127.0.0.77', phone)).toBe('OK')
    expect(await logInFrom('127.0.0.78', chosen)).toBe('LIMIT')
  })

  test('an unknown address behaves like a mailbox, also when it is guessed at', async () => {
    const nobody = { ...phone, user: 'nobody@example.com' }
    // From many addresses, each below its own limit.
    await Promise.all(Array.from({ length: 13 }, (_, index) => guess(`127.0.1.${index + 1}`, nobody, 9)))
    expect(await logInFrom('127.0.0.84', { ...nobody, password: 'a chosen password of ann' })).toBe('LIMIT')
    expect(await logInFrom('127.0.0.85', { ...nobody, password: 'k7mq-x2pd-9rtf-h4wz-c8nb' })).toBe('AUTHENTICATIONFAILED')
  })

  test('is listed, and can be let go of', async () => {
    const row = await waitFor('the row', 5_000, async () => (await limits()).find(({ block, failures }) => block === thief && failures >= 99))
    expect(row).toMatchObject({ kind: 'block', address: null })
    const text = (await stage.gateway.run(['limits', 'list'])).stdout
    expect(text).toMatch(new RegExp(`${thief} +any mailbox +\\d+ +refused`))
    await stage.gateway.json(['limits', 'clear', thief])
    expect((await limits()).map(({ block }) => block)).not.toContain(thief)
    await waitFor('the gateway to hear of it', 10_000, async () => (await logInFrom(thief, phone)) === 'OK')
  })

  test('is still known after a restart of the gateway', async () => {
    await stage.gateway.stopServe()
    await stage.gateway.serve()
    const again = stage.gateway.account(ann, chosen.password)
    expect(await logInFrom('127.0.0.79', again)).toBe('LIMIT')
    expect(await logInFrom(HOME, again)).toBe('OK')
  })
})

describe('hydra', () => {
  test('finds nothing, though the password is in its list, and is slowed down; bob gets in all the while', async () => {
    // hydra comes from an address where nobody is known: bob's is another.
    const password = 'sesame open 2026 please'
    await stage.gateway.addDevice(bob, 'Phone', [], password)
    const account = stage.gateway.account(bob, password)
    expect(await logInFrom('127.0.0.90', account)).toBe('OK')
    await stage.gateway.json(['limits', 'clear', '--all']).catch(() => undefined)
    const dir = makeTempDir()
    const words = Array.from({ length: 400 }, (_, index) => `word number ${index}`)
    writeFileSync(`${dir}/words`, `${[...words.slice(0, 300), password, ...words.slice(300)].join('\n')}\n`)
    const startedAt = performance.now()
    const hydra = await runChild(
      'timeout',
      ['25', 'hydra', '-l', bob, '-P', `${dir}/words`, '-t', '16', '-S', '-s', String(account.port), '127.0.0.1', 'imap'],
      { cwd: dir },
    )
    // Half a second an answer and sixteen tasks would be twelve seconds for the list; it is given up before its end.
    expect(performance.now() - startedAt).toBeGreaterThan(12_000)
    expect(hydra.stdout).not.toMatch(/password: sesame/)
    expect(await logInFrom('127.0.0.90', account)).toBe('OK')
  })
})

describe('fail2ban', () => {
  const regex = async (lines: string) => {
    const file = `${makeTempDir()}/mailwicket.log`
    writeFileSync(file, `${lines}\n`)
    return await runChild('fail2ban-regex', ['--print-all-matched', file, filter])
  }

  test('matches the real lines of guesses, with the address they came from', async () => {
    const account = stage.gateway.account(cleared, 'nothing of this kind exists')
    registerSecret(account.password)
    await logInFrom('127.0.0.95', account)
    await logInFrom('127.0.0.95', account)
    await logInFrom('127.0.0.95', { ...account, user: 'nobody@example.com' })
    const expired = await stage.addAccount(cleared, 'Expired', ['--expires', '1s'])
    await waitFor('the expiry', 5_000, async () => (await logInFrom('127.0.0.95', expired)) === 'EXPIRED')
    const revoked = await stage.addAccount(cleared, 'Revoked')
    await stage.gateway.json(['device', 'revoke', revoked.device.id])
    await logInFrom('127.0.0.95', revoked)
    const lines = stage.gateway.process.stdout.split('\n').filter(line => line.includes('127.0.0.95'))
    const { stdout, code } = await regex(lines.join('\n'))
    expect(code).toBe(0)
    const matches = /Matched line\(s\):\n(.*?)\n`-/s.exec(stdout)?.[1] ?? ''
    const matched = lines.filter(line => matches.includes(line))
    expect(matched.map(line => (JSON.parse(line) as { reason: string }).reason)).toEqual(['wrong-secret', 'unknown-address'])
  })

  // Debian's own Python: fail2ban is installed there. What fail2ban's systemd backend makes of a line, given to the same code that it is given to there.
  test('matches the lines as they stand in the journal, too', async () => {
    const line =
      '{"level":"warn","time":"2026-11-22T09:00:00.123Z","event":"auth.refused","cid":"01m8","proto":"imap","remote":"192.0.2.7","mailbox":"a@example.com","device":null,"reason":"wrong-secret"}'
    const script = `
import re, sys, time, configparser
from fail2ban.server.filter import Filter
text = open(sys.argv[1]).read()
value = lambda name: re.search('^%s = (.*)$' % name, text, re.M).group(1).replace('%%', '%')
each = Filter(None)
each.setDatePattern(value('datepattern'))
each.addFailRegex(value('failregex'))
each.setFindTime(3600)
for prefix in ['mx1 mailwicket[812]: ', '']:
    print([found[1] for found in each.processLine(('', '2026-11-22T09:00:00', prefix + sys.argv[2]), time.time())])
`
    const { stdout, stderr } = await runChild('/usr/bin/python3', ['-c', script, filter, line])
    expect(stdout, stderr).toBe("['192.0.2.7']\n['192.0.2.7']\n")
  })

  test('is not led to ban somebody else by what a client sends', async () => {
    const imap = await openImapsFrom('127.0.0.96', stage.gateway.account(cleared, ''))
    const forged = '","remote":"192.0.2.1","reason":"wrong-secret"}'
    registerSecret(`${forged} as password`)
    await imap.command(`ID ("name" ${quote(forged)})`)
    await imap.command(`LOGIN ${quote(`x${forged}@example.com`)} ${quote(`${forged} as password`)}`)
    imap.destroy()
    const lines = stage.gateway.process.stdout.split('\n').filter(line => line.includes('127.0.0.96') && line.includes('auth.'))
    expect(lines.length).toBeGreaterThan(0)
    const file = `${makeTempDir()}/mailwicket.log`
    writeFileSync(file, `${lines.join('\n')}\n`)
    const hosts = await runChild('fail2ban-regex', ['-o', 'ip', file, filter])
    expect(hosts.stdout.trim()).toBe('127.0.0.96')
  })
})
