/** What `check` says of a login that it could not try: why, and not that there is nothing to try. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DemoServers, startDemoServers } from '../demo/demo-servers.ts'
import { runHere } from '../terminal-fixture.ts'

const ANNA = 'anna@example.com'
const PASSWORD = 'upstream-marker-password'
let cwd: string
let servers: DemoServers

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  servers = await startDemoServers({ address: ANNA, password: PASSWORD, ports: { imap: 0, submission: 0 }, now: Date.now() })
  await runHere(['init', '--hostname', 'mail.example.com'], { cwd })
  const file = join(cwd, 'mailwicket.toml')
  const text = readFileSync(file, 'utf8').replace(
    /address = "(imap|smtp)\.internal:\d+", tls = "\w+"/g,
    (_, kind) => `address = "127.0.0.1:${kind === 'imap' ? servers.imapPort : servers.submissionPort}", tls = "none"`,
  )
  writeFileSync(file, text.replace('domains = []', 'domains = ["example.com"]'))
})
afterAll(async () => {
  await servers.close()
  rmSync(cwd, { recursive: true, force: true })
})

async function upstreamLines(): Promise<string[]> {
  const { out } = await runHere(['check', '--json'], { cwd })
  const findings = JSON.parse(out) as { check: string; message: string }[]
  return findings.filter(({ check }) => /^upstream main( submission)?$/.test(check)).map(({ message }) => message)
}

test('there is no mailbox yet, and then there is one', async () => {
  expect(await upstreamLines()).toEqual([
    expect.stringContaining('no mailbox to try a login with yet'),
    expect.stringContaining('no mailbox to try a login with yet'),
  ])
  expect(await runHere(['mailbox', 'add', ANNA, '--secret-stdin'], { cwd, input: PASSWORD })).toMatchObject({
    code: 0,
    err: expect.not.stringContaining('No upstream names'),
  })
  expect(await upstreamLines()).toEqual([expect.stringContaining(`logged in for ${ANNA}`), expect.stringContaining(`logged in for ${ANNA}`)])
})

test('without the master key it says so, and does not say that there is no mailbox', async () => {
  const key = join(cwd, 'keys', 'master.key')
  renameSync(key, `${key}.away`)
  expect(await upstreamLines()).toEqual([expect.stringContaining('the master key cannot be read'), expect.stringContaining('the master key cannot be read')])
  renameSync(`${key}.away`, key)
  chmodSync(key, 0o644)
  expect(await upstreamLines()).toEqual([expect.stringContaining('while others can read it'), expect.stringContaining('while others can read it')])
  chmodSync(key, 0o600)
})

test('a mailbox of a domain that no upstream names gets a remark, with the domain that was meant', async () => {
  const { code, err } = await runHere(['mailbox', 'add', 'anna@exmaple.com', '--no-verify', '--secret-stdin'], { cwd, input: PASSWORD })
  expect(code).toBe(0)
  expect(err).toContain('No upstream names the domain exmaple.com (did you mean example.com?); this mailbox goes to “main”.')
})

test('activity of an address that nobody has says so, with the one that was meant', async () => {
  expect(await runHere(['activity', '--mailbox', 'ana@example.com'], { cwd })).toMatchObject({
    code: 0,
    err: `Nothing happened.\nThere is no mailbox ana@example.com. Did you mean ${ANNA}?\n`,
  })
  expect((await runHere(['activity', '--mailbox', ANNA], { cwd })).err).toBe('Nothing happened.\n')
  expect(await runHere(['activity', '--mailbox', 'ana@example.com', '--json'], { cwd })).toMatchObject({ code: 0, out: '[]\n', err: '' })
})
