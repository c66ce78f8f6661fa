/** The demo: starts by itself, the curl lines it prints work as pasted, and its people sign in to the portal; nothing stays behind. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type RunningChild, runChild, startChild } from '../fixtures/child-process.ts'
import { openRawImap } from '../fixtures/clients/raw-imap.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

let demo: RunningChild | undefined
afterAll(() => void demo?.process.kill('SIGKILL'))

/** As a shell would paste it: lines ended by a backslash belong together. */
function curlLinesOf(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map(line => line.trim().replace(/^\$ /, ''))
    .filter(line => /^(curl|printf) /.test(line))
}

test('prints curl lines that work as pasted', async () => {
  const cwd = makeTempDir()
  // It prints the app password: that is what it is for.
  demo = startChild(launcher, ['demo'], { cwd, printsSecret: true })
  await demo.waitForStdout(/^.*curl .*$/m, 30_000)
  await demo.waitForStdout(/Ctrl-C/i, 10_000)
  const lines = curlLinesOf(demo.stdout)
  expect(lines.length).toBeGreaterThan(0)
  let read = ''
  for (const line of lines) {
    const pasted = await runChild('bash', ['-c', line], { cwd, printsSecret: true })
    expect(`${line}\n${pasted.stderr}${pasted.code}`).toBe(`${line}\n${pasted.stderr}0`)
    // Sending says nothing when it went well.
    if (line.startsWith('curl ')) expect(pasted.stdout.length).toBeGreaterThan(0)
    read = pasted.stdout
  }
  expect(lines.some(line => line.includes('smtps://'))).toBe(true)
  expect(read).toContain('Sent through Mailwicket.')
  // Whoever scrolls nowhere sees what an app asks for: what these logins wrote is in a file.
  expect(demo.stderr).toBe('')
  const log = /^ {2}tail -f (\S+)$/m.exec(demo.stdout)?.[1] ?? ''
  expect(readFileSync(log, 'utf8')).toContain('"event":"auth.ok"')
  expect(demo.stdout.trimEnd().split('\n').at(-1)).toMatch(/^ {2}Password +(?:[a-z0-9]{4}-){4}[a-z0-9]{4}$/)
  const finished = await demo.stop('SIGINT')
  expect(finished.code).toBe(0)
  expect(readdirSync(cwd)).toEqual([])
  // Its folder is the one that the curl lines name.
  const folder = /\S*mailwicket-demo-[^/\s']+/.exec(lines[0] ?? '')?.[0].replace(/^'/, '')
  expect(folder).toBeDefined()
  expect(existsSync(folder ?? '/')).toBe(false)
})

interface Introduction {
  readonly ca: string
  readonly mailbox: string
  readonly device: string
  readonly password: string
  readonly settings: readonly { readonly protocol: string; readonly security: string; readonly port: number }[]
  readonly portal: { readonly url: string; readonly people: readonly { readonly login: string; readonly is: string; readonly password: string }[] }
}

/** Posts a form as a page of the portal does; gives the cookie that came back. */
async function post(url: string, cookie: string, fields: Record<string, string>): Promise<{ readonly to: string | null; readonly cookie: string }> {
  const headers = { origin: new URL(url).origin, cookie }
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' })
  expect(answer.status).toBe(303)
  const [set = ''] = answer.headers.getSetCookie()
  return { to: answer.headers.get('location'), cookie: set.split(';')[0] ?? '' }
}

async function read(url: string, cookie: string): Promise<string> {
  const answer = await fetch(url, { headers: { cookie } })
  expect(answer.status).toBe(200)
  return await answer.text()
}

test('who disconnects a device in the browser closes the session of the terminal', async () => {
  demo = startChild(launcher, ['demo', '--json'], { cwd: makeTempDir(), printsSecret: true })
  await demo.waitForStdout(/^\}$/m, 30_000)
  const { ca, mailbox, device, password, settings, portal } = JSON.parse(demo.stdout) as Introduction
  const port = settings.find(({ protocol, security }) => protocol === 'imap' && security === 'implicit')?.port ?? 0
  const imap = await openRawImap({ host: '127.0.0.1', port, tls: 'implicit', ca })
  await imap.readLine()
  await imap.ok(`LOGIN ${mailbox} ${password}`)
  expect(portal.people.map(({ is }) => is)).toEqual(['administrator', 'owner'])
  for (const { login, is, password: own } of portal.people) {
    const { cookie } = await post(`${portal.url}/sign-in`, '', { login, password: own })
    const list = await read(`${portal.url}/m/${encodeURIComponent(mailbox)}/devices`, cookie)
    expect(list).toContain(device)
    const [, page = ''] = /href="([^"?]*\/disconnect)"/.exec(list) ?? []
    if (is !== 'owner') continue
    expect(await read(`${portal.url}${page}`, cookie)).toContain(device)
    await post(`${portal.url}${page}`, cookie, {})
  }
  await imap.readToEnd()
  expect(imap.isEnded).toBe(true)
  const again = await openRawImap({ host: '127.0.0.1', port, tls: 'implicit', ca })
  await again.readLine()
  expect(await again.command(`LOGIN ${mailbox} ${password}`)).toContain('AUTHENTICATIONFAILED')
  const finished = await demo.stop('SIGINT')
  expect(finished.code).toBe(0)
})

test('--keep keeps the folder', async () => {
  const kept = join(makeTempDir(), 'demo')
  demo = startChild(launcher, ['demo', '--keep', kept], { printsSecret: true })
  await demo.waitForStdout(/^.*curl .*$/m, 30_000)
  await demo.stop('SIGTERM')
  expect(existsSync(join(kept, 'mailwicket.toml'))).toBe(true)
})
