/** Nobody reads the log any more, whether its reader hangs or is gone: apps come and go, memory has a bound, and the gateway ends when it is told to. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningChild, startChild } from '../fixtures/child-process.ts'
import type { ImapAccount } from '../fixtures/clients/imap-account.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { Stage } from '../fixtures/program/stage.ts'

const user = 'reader@example.com'
/** Each leaves several lines, a kilobyte in all; a pipe takes 64 KiB. */
const logins = 200
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
})

afterAll(async () => await stage?.close())

interface Running {
  readonly child: RunningChild
  readonly reader: number
  readonly account: ImapAccount
}

/** A gateway whose log goes to a pipe that the test reads: up to the ready line. `flags`: how the test has it open. */
async function serveInto(flags: number): Promise<Running> {
  const device = await stage.gateway.addDevice(user, `Phone ${flags}`)
  const pipe = join(stage.gateway.dir, `log.${flags}.pipe`)
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, flags | constants.O_NONBLOCK)
  const child = startChild('sh', ['-c', 'exec "$0" --config "$1" serve > "$2"', launcher, stage.gateway.configPath, pipe])
  let text = ''
  const ready = await waitFor('the ready line', 30_000, () => {
    text += readSome(reader)
    return /^\{"event":"ready".*$/m.exec(text)?.[0]
  })
  const { listen } = JSON.parse(ready) as { listen: { tls: string; address: string }[] }
  const port = Number(
    listen
      .find(({ tls }) => tls === 'implicit')
      ?.address.split(':')
      .at(-1),
  )
  return { child, reader, account: { host: 'localhost', port, starttlsPort: 0, user, password: device.password, ca: stage.gateway.authority.ca } }
}

async function expectService({ account }: Running, session: RawImap): Promise<void> {
  for (let index = 0; index < logins; index++) (await logIn(account)).destroy()
  await session.ok('NOOP')
}

test('a reader of the log that hangs', async () => {
  // For both directions: the pipe has somebody at its other end, and nobody reads.
  const running = await serveInto(constants.O_RDWR)
  const session = await logIn(running.account)
  await expectService(running, session)
  session.destroy()
  const { code } = await within('the end', 15_000, running.child.stop('SIGTERM'))
  expect(code).toBe(0)
  closeSync(running.reader)
})

test('a reader of the log that dies: lines are lost, sessions are not, and stderr says so once', async () => {
  const running = await serveInto(constants.O_RDONLY)
  const session = await logIn(running.account)
  closeSync(running.reader)
  await expectService(running, session)
  expect(running.child.stderr).toMatch(/^mailwicket: Nobody reads the log any more, the gateway goes on without it\.\n$/)
  // A signal finds it as well as ever.
  running.child.process.kill('SIGHUP')
  await session.ok('NOOP')
  session.destroy()
  expect((await within('the end', 15_000, running.child.stop('SIGTERM'))).code).toBe(0)
})

function readSome(file: number): string {
  const buffer = Buffer.alloc(65_536)
  try {
    return buffer.toString('utf8', 0, readSync(file, buffer))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
    throw error
  }
}
