import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHere } from '../terminal-fixture.ts'

let cwd: string
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
  await runHere(['init', '--hostname', 'mail.example.com'], { cwd })
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

test('without a portal: where the services are, and why there is no more', async () => {
  const { code, out, err } = await runHere(['dns', 'Bücher.example'], { cwd })
  expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('Without [portal]') })
  expect(out).toMatch(/^_imaps\._tcp\.xn--bcher-kva\.example\. +3600 {2}IN {2}SRV +0 1 993 mail\.example\.com\.$/m)
  expect(out).not.toContain('CNAME')
})

test('with a portal: names that lead to it, for which its certificate must be', async () => {
  const file = join(cwd, 'mailwicket.toml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n[portal]\naddress = "127.0.0.1:8443"\nurl = "https://devices.example.com"\ntls = "none"\n`)
  const { out, err } = await runHere(['dns', 'example.com'], { cwd })
  expect(out).toMatch(/^autodiscover\.example\.com\. +3600 {2}IN {2}CNAME +devices\.example\.com\.$/m)
  expect(err).toContain('must also be for autoconfig.example.com, autodiscover.example.com, ua-auto-config.example.com')
  const json = await runHere(['dns', 'example.com', '--json'], { cwd })
  expect(json.err).toBe('')
  expect(JSON.parse(json.out)).toMatchObject({
    domain: 'example.com',
    records: expect.arrayContaining([{ name: '_imaps._tcp.example.com', type: 'SRV', ttl: 3600, value: '0 1 993 mail.example.com.' }]),
  })
})

test.each(['anna@example.com', 'https://example.com', '', 'a b', '-'])('%j is no domain', async text => {
  expect(await runHere(['dns', '--', text], { cwd })).toMatchObject({ code: 2, out: '' })
})
