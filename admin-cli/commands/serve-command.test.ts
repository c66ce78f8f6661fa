import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../run-command.ts'
import { makeTestTerminal, runHere } from '../terminal-fixture.ts'

const dir = join(mkdtempSync(join(tmpdir(), 'mailwicket-serve-')), 'gw')
const config = join(dir, 'mailwicket.toml')

beforeAll(async () => {
  expect((await runHere(['init', '--dir', dir, '--hostname', 'localhost'])).code).toBe(0)
  writeFileSync(
    config,
    `hostname = "localhost"
workers = 1
[[certificate]]
cert = "certs/fullchain.pem"
key = "certs/privkey.pem"
[[listen]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "implicit"
[[upstream]]
name = "main"
domains = ["example.com"]
imap = { address = "127.0.0.1:9", tls = "none" }
auth = { method = "stored" }
`,
  )
})

afterAll(() => rmSync(join(dir, '..'), { recursive: true, force: true }))

test('SIGTERM behind the ready line is an orderly end, not a sudden one', async () => {
  const terminal = makeTestTerminal()
  const { stdout } = terminal
  const stopping = {
    ...terminal,
    stdout: {
      write(text: string) {
        if (text.includes('"event":"ready"')) terminal.send('SIGTERM')
        return stdout.write(text)
      },
    },
  }
  expect(await runCommand(['--config', config, 'serve'], stopping, '0.0.0-test')).toBe(0)
  expect(terminal.out()).toMatch(/^\{"event":"ready","level":"info","time":"[^"]+Z",/m)
  expect(terminal.out()).toContain('"event":"stopped"')
})

test('a start that fails is told, also when somebody wanted it to stop meanwhile', async () => {
  const terminal = makeTestTerminal({ env: { MAILWICKET_MASTER_KEY: 'nonsense' } })
  const running = runCommand(['--config', config, 'serve'], terminal, '0.0.0-test')
  terminal.send('SIGTERM')
  expect(await running).not.toBe(0)
  expect(terminal.err()).toContain('mailwicket:')
})

test('a start that fails is told for what it is, also when a reload was asked for meanwhile', async () => {
  const unhandled: unknown[] = []
  const listener = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', listener)
  const terminal = makeTestTerminal({ env: { MAILWICKET_MASTER_KEY: 'nonsense' } })
  const hurried: typeof terminal = {
    ...terminal,
    onSignal(signal, listener) {
      const forget = terminal.onSignal(signal, listener)
      if (signal === 'SIGHUP') listener()
      return forget
    },
  }
  expect(await runCommand(['--config', config, 'serve'], hurried, '0.0.0-test')).not.toBe(0)
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', listener)
  expect(unhandled).toEqual([])
  expect(terminal.err()).toContain('mailwicket:')
})
