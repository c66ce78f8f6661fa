import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Secret } from '../base/secret.ts'
import type { Config, UpstreamAuth, UpstreamConfig } from '../config/config.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import { chooseUpstream, makeUpstreamAccount } from './upstream-choice.ts'
import { openUpstreamLogin } from './upstream-login.ts'

const folder = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
const secretFile = join(folder, 'gw.secret')
writeFileSync(secretFile, 'master secret\n', { mode: 0o600 })
afterAll(() => rmSync(folder, { recursive: true }))

function makeUpstream(name: string, domains: readonly string[], auth: UpstreamAuth = { method: 'stored' }): UpstreamConfig {
  const imap = { host: 'imap.internal', port: 993, tls: 'implicit' as const }
  return {
    name,
    domains,
    imap,
    submission: undefined,
    ca: undefined,
    minTls: '1.2',
    auth,
    forwardClient: 'none',
    sessionsPerMailbox: 100,
    allowUnauthenticate: false,
  }
}

const configOf = (...upstreams: UpstreamConfig[]) => ({ path: '/etc/mailwicket.toml', upstreams }) as unknown as Config

describe('the upstream of a new mailbox', () => {
  const two = configOf(makeUpstream('main', ['example.com']), makeUpstream('other', ['example.org']))

  it('is the one that was named, else the one of the domain, else the only one', () => {
    expect(chooseUpstream(two, 'a@example.com', 'other').name).toBe('other')
    expect(chooseUpstream(two, 'a@example.org', undefined).name).toBe('other')
    expect(chooseUpstream(configOf(makeUpstream('main', [])), 'a@example.net', undefined).name).toBe('main')
  })

  it('where there is a choice, the error names the choices', () => {
    expect(() => chooseUpstream(two, 'a@example.net', undefined)).toThrow('No upstream is for example.net.')
    for (const wanted of [undefined, 'nope']) {
      try {
        chooseUpstream(two, 'a@example.net', wanted)
        expect.unreachable()
      } catch (error) {
        expect((error as { remedy: string }).remedy).toContain('main, other')
      }
    }
  })
})

describe('the login at the upstream', () => {
  const suffix = makeUpstream('main', [], { method: 'master', style: 'suffix', separator: '*', user: 'gw', secretFile })
  const authzid = makeUpstream('main', [], { method: 'master', style: 'authzid', user: 'gw', secretFile })

  it('stored: the mailbox’s own', () => {
    expect(makeUpstreamAccount(makeUpstream('main', []), 'anna', Secret.fromText('s'))).toMatchObject({ authzid: '', user: 'anna' })
    expect(() => makeUpstreamAccount(makeUpstream('main', []), 'anna', undefined)).toThrow('no upstream secret')
  })

  it('master: the master user for the mailbox, with the secret of the file without its line end', () => {
    const account = makeUpstreamAccount(authzid, 'a@example.com', undefined)
    expect(account).toMatchObject({ authzid: 'a@example.com', user: 'gw' })
    expect(account.secret.reveal().toString()).toBe('master secret')
    expect(makeUpstreamAccount(suffix, 'a@example.com', undefined)).toMatchObject({ authzid: '', user: 'a@example.com*gw' })
  })

  it('a master secret that others can read is refused, as `serve` refuses it', () => {
    const open = join(folder, 'open.secret')
    writeFileSync(open, 'master secret\n', { mode: 0o644 })
    const exposed = makeUpstream('main', [], { method: 'master', style: 'authzid', user: 'gw', secretFile: open })
    for (const make of [() => makeUpstreamAccount(exposed, 'a@example.com', undefined), () => openUpstreamLogin(exposed)])
      expect(make).toThrow(expect.objectContaining({ code: 'KEY_EXPOSED' }))
  })

  it('the gateway refuses what commands refuse: control characters, the separator, nothing at all', () => {
    const mailbox = (login: string) => ({ address: 'a@example.com', login, sealedSecret: null }) as unknown as LoginMailbox
    const store = { openUpstreamSecret: () => Secret.fromText('s') }
    for (const login of ['a\0b', 'boss@example.com*gw', ''])
      expect(() => openUpstreamLogin(suffix)(mailbox(login), store)).toThrow(expect.objectContaining({ reason: 'not-configured' }))
  })

  it('suffix style refuses a login with the separator in it', () => {
    expect(() => makeUpstreamAccount(suffix, 'boss@example.com*gw', undefined)).toThrow('contains “*”')
  })

  it('control characters are no part of a login', () => {
    expect(() => makeUpstreamAccount(authzid, 'a\0b', undefined)).toThrow('--login')
  })
})
