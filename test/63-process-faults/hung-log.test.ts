/** Nobody reads the log any more, but nobody closed it either: apps come and go, memory has a bound, and the gateway ends when it is told to. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChild } from '../fixtures/child-process.ts'
import { waitFor, within } from '../fixtures/deadline.ts'
import { launcher } from '../fixtures/mailwicket.ts'
import { logIn } from '../fixtures/raw-imap.ts'
import { Stage } from '../fixtures/stage.ts'

const user = 'reader@example.com'
/** Each leaves several lines, a kilobyte in all; a pipe takes 64 KiB. */
const logins = 200
let stage: Stage

beforeAll(async () => {
  stage = await Stage.open({ users: [user] })
})

afterAll(async () => await stage?.close())

test('a reader of the log that hangs', async () => {
  const device = await stage.gateway.addDevice(user, 'Phone')
  const pipe = join(stage.gateway.dir, 'log.pipe')
  execFileSync('mkfifo', [pipe])
  // For both directions: opening it waits for nobody.
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
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
  const account = { host: 'localhost', port, starttlsPort: 0, user, password: device.password, ca: stage.gateway.authority.ca } as const
  // From here on it is not read.
  const session = await logIn(account)
  for (let index = 0; index < logins; index++) (await logIn(account)).destroy()
  await session.ok('NOOP')
  session.destroy()
  const { code } = await within('the end', 15_000, child.stop('SIGTERM'))
  expect(code).toBe(0)
  closeSync(reader)
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
