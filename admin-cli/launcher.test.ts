/** The real `bin/mailwicket` in processes of its own: few, because each costs what a command costs. */
import { execFile, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const LAUNCHER = fileURLToPath(new URL('../bin/mailwicket', import.meta.url))
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailwicket-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise(resolve => {
    const child = execFile(program, args, { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
    child.stdin?.end()
  })
}

/** A folder that looks like a package: the launcher, and scripts in the place of Node that say what they were given. */
function makePackage(name: string): { root: string; launcher: string } {
  const root = join(folder, name)
  mkdirSync(join(root, 'bin'), { recursive: true })
  mkdirSync(join(root, 'dist/admin-cli'), { recursive: true })
  writeFileSync(join(root, 'dist/admin-cli/main.js'), '')
  cpSync(LAUNCHER, join(root, 'bin/mailwicket'))
  return { root, launcher: join(root, 'bin/mailwicket') }
}

function makeNode(file: string, version: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit 0; }\necho "${version} $*"\nexit 7\n`)
  chmodSync(file, 0o755)
}

const CPU = { x64: 'x64', arm64: 'arm64' }[process.arch as 'x64'] ?? 'x64'

describe('the launcher', () => {
  it('runs through symbolic links, relative and absolute, from any folder', async () => {
    mkdirSync(join(folder, 'links'))
    symlinkSync(LAUNCHER, join(folder, 'links/one'))
    symlinkSync('links/one', join(folder, 'two'))
    const { code, out, err } = await run(join(folder, 'two'), ['--version'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^\d+\.\d+\.\d+/)
  })

  it.each([
    ['v22.18.0', true],
    ['v24.3.0', true],
    ['v26.10.0', true],
    ['v100.0.0', true],
    ['v22.17.9', false],
    ['v20.20.2', false],
    ['v23.11.0', false],
    ['v24.2.0', false],
    ['what', false],
  ])('takes the system’s Node %s: %s', async (version, isTaken) => {
    const { root, launcher } = makePackage(`system-${version}`)
    makeNode(join(root, 'path/node'), version)
    makeNode(join(root, `node_modules/node-linux-${CPU}/bin/node`), 'v26.99.0')
    const { code, out } = await run(launcher, ['device', 'list', 'a b'], { PATH: `${join(root, 'path')}:/usr/bin:/bin` })
    // The exit code is that of the program: the launcher has become it.
    expect(code).toBe(7)
    expect(out).toBe(`${isTaken ? version : 'v26.99.0'} --use-system-ca ${join(root, 'dist/admin-cli/main.js')} device list a b\n`)
  })

  it('finds the Node beside it when it was installed as a package', async () => {
    const { root, launcher } = makePackage('node_modules/mailwicket')
    makeNode(join(root, `../node-linux-${CPU}/bin/node`), 'v26.99.0')
    makeNode(join(root, 'path/node'), 'v20.0.0')
    expect((await run(launcher, [], { PATH: `${join(root, 'path')}:/usr/bin:/bin` })).out).toContain('v26.99.0 ')
  })

  it('says what to install when there is no Node, or the package is not whole', async () => {
    const { root, launcher } = makePackage('bare')
    makeNode(join(root, 'path/node'), 'v18.0.0')
    const env = { PATH: `${join(root, 'path')}:/usr/bin:/bin` }
    expect(await run(launcher, [], env)).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^mailwicket: .*22\.18.*\n.*nodejs\.org/) })
    rmSync(join(root, 'dist'), { recursive: true })
    expect(await run(launcher, [], env)).toMatchObject({ code: 1, err: expect.stringContaining('Install the package again') })
    mkdirSync(join(root, 'admin-cli'))
    writeFileSync(join(root, 'admin-cli/main.ts'), '')
    expect(await run(launcher, [], env)).toMatchObject({ code: 1, err: expect.stringContaining('npm ci') })
  })
})

/** Six processes after one another; on a busy machine each may take a second and more. */
const SLOW_MS = 60_000

describe('a process of its own', () => {
  it(
    'makes, lists and revokes a device; a pipe that closes early is no failure; nothing is printed by Node',
    async () => {
      const home = join(folder, 'home')
      const config = join(home, 'mailwicket.toml')
      expect(await run(LAUNCHER, ['init', '--dir', home, '--json'])).toMatchObject({ code: 0, err: '' })
      const secret = spawn(LAUNCHER, ['--config', config, 'mailbox', 'add', 'anna@example.com', '--no-verify', '--secret-stdin', '--json'], {
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      secret.stdin.end('upstream-marker\n')
      expect(await new Promise(resolve => secret.on('exit', resolve))).toBe(0)
      const added = await run(LAUNCHER, ['device', 'add', 'anna@example.com', 'phone', '--json', '--config', config])
      expect(added).toMatchObject({ code: 0, err: '' })
      const { id } = JSON.parse(added.out)
      expect(await run('/bin/sh', ['-c', `'${LAUNCHER}' --config '${config}' device list | true`])).toMatchObject({ code: 0, err: '' })
      expect(await run(LAUNCHER, ['--config', config, 'device', 'revoke', id.slice(0, 12), '--yes'])).toMatchObject({
        code: 0,
        err: '',
        out: expect.stringContaining('Revoked'),
      })
      const gone = await run(LAUNCHER, ['--config', config, 'device', 'show', 'zzzz', '--json'])
      expect(gone).toMatchObject({ code: 3, out: '' })
      expect(JSON.parse(gone.err)).toMatchObject({ error: { code: 'NOT_FOUND' } })
    },
    SLOW_MS,
  )

  it('a full disk is a failure, not a silent success', async () => {
    expect(await run('/bin/sh', ['-c', `'${LAUNCHER}' --help > /dev/full`])).toMatchObject({ code: 1, err: expect.stringContaining('could not be written') })
  })
})
