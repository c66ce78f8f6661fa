/** `npm run package:deb`: the package in a Debian of its own, installed, used, updated, removed and purged. Nothing is mounted or installed outside. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { beforeAll, expect, test } from 'vitest'
import { runOk } from '../fixtures/child-process.ts'
import { PackageSources } from '../fixtures/program/package-sources.ts'
import { DebianChroot } from '../fixtures/servers/debian-chroot.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CONFIG = '/etc/mailwicket/mailwicket.toml'
const ANNA = 'anna@example.com'
const work = makeTempDir()
interface Finding {
  readonly check: string
  readonly status: string
}
let debian: DebianChroot
let sources: PackageSources
let first: string

beforeAll(async () => {
  const build = async () => {
    sources = await PackageSources.open()
    first = await sources.buildPackage()
  }
  ;[debian] = await Promise.all([DebianChroot.open(), build()])
})

const inside = async (script: string) => {
  const finished = await debian.run(script, { printsSecret: true })
  expect(finished, `${script}\n${finished.stdout}\n${finished.stderr}`).toMatchObject({ code: 0 })
  return finished.stdout
}
const asService = (command: string) => inside(`runuser -u mailwicket -- mailwicket ${command}`)
const install = (file: string) => {
  debian.bring(file)
  return inside(`dpkg --install ${basename(file)}`)
}
/** What systemd would be told, where it runs: in this Debian it does not. The service is said to be up. */
function listenForSystemd(): void {
  writeFileSync(join(debian.root, 'usr/bin/systemctl'), '#!/bin/sh\necho "$*" >>/root/systemctl.log\n', { mode: 0o755 })
  mkdirSync(join(debian.root, 'run/systemd/system'), { recursive: true })
}
const toldToSystemd = () => inside('cat systemctl.log; : >systemctl.log')

test('it is called after version and machine, and holds what is needed and nothing else', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const architecture = (await runOk('dpkg', ['--print-architecture'])).stdout.trim()
  expect(first).toMatch(new RegExp(`/mailwicket_${version}_${architecture}\\.deb$`))
  const lines = (await runOk('dpkg-deb', ['--contents', first])).stdout.trim().split('\n')
  // Everything is root's, nobody else may write, and only programs may be run.
  expect(lines.filter(line => !/^(?:drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) root\/root /.test(line))).toEqual([])
  const paths = lines.map(line => /\.(\/.*?)(?: -> .*)?$/.exec(line)?.[1] ?? '')
  expect(lines.filter(line => line.startsWith('-rwx')).map(line => line.replace(/.* \./, ''))).toEqual([
    '/usr/lib/mailwicket/bin/mailwicket',
    '/usr/lib/mailwicket/bin/node',
  ])
  expect(paths).toEqual(
    expect.arrayContaining([
      CONFIG,
      '/usr/bin/mailwicket',
      '/usr/lib/systemd/system/mailwicket.service',
      '/usr/share/man/man1/mailwicket.1.gz',
      '/usr/share/bash-completion/completions/mailwicket',
      '/usr/share/doc/mailwicket/copyright',
      '/usr/share/doc/mailwicket/changelog.gz',
    ]),
  )
  expect(
    paths.filter(path => /\.ts$|\.test\.|-fixture\.|\/(?:test|bench)\/|\.(?:db|pem|key|cpp|h)$|darwin.*\.node|win32.*\.node|musl.*\.node/.test(path)),
  ).toEqual([])
  // No path of the machine that built it.
  const places = [ROOT.replace(/\/$/, ''), sources.dir]
  await runOk('dpkg-deb', ['--raw-extract', first, join(work, 'raw')])
  const found = await runOk('sh', ['-c', `grep -rlF ${places.map(place => `-e '${place}'`).join(' ')} '${join(work, 'raw')}' || true`])
  expect(found.stdout).toBe('')
  expect(readFileSync(join(work, 'raw/DEBIAN/conffiles'), 'utf8')).toBe(`${CONFIG}\n`)
})

test('installed, it is there for everybody, enabled, not started, and says what is next', async () => {
  const said = await install(first)
  expect(said).toContain(`mailwicket --config ${CONFIG} init`)
  // Without a word of Node's, though this Debian has no certificates.
  expect(await debian.run('mailwicket --version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' })
  expect(await inside('getent passwd mailwicket')).toMatch(/^mailwicket:x:\d+:\d+:Mailwicket:\/var\/lib\/mailwicket:\/usr\/sbin\/nologin/)
  expect(await inside('stat --format="%U %a" /var/lib/mailwicket')).toBe('mailwicket 700\n')
  expect(await inside('find /etc/systemd/system -name "mailwicket*"')).toBe('/etc/systemd/system/multi-user.target.wants/mailwicket.service\n')
  expect(await inside('zcat /usr/share/man/man1/mailwicket.1.gz /usr/share/man/man5/mailwicket.toml.5.gz')).toMatch(
    /^\.TH MAILWICKET 1[\s\S]*^\.TH MAILWICKET\.TOML 5/m,
  )
  expect(await inside('bash -c "source /usr/share/bash-completion/completions/mailwicket; complete -p mailwicket"')).toMatch(/^complete .*mailwicket$/m)
  expect(await inside('dpkg --verify mailwicket; dpkg --audit')).toBe('')
  // Its compiled code is root's alone; the service finds it.
  expect(await inside('find /var/cache/mailwicket \\( -not -user root -o -perm /022 -not -type l \\)')).toBe('')
  expect(await inside('runuser -u mailwicket -- find -L /var/cache/mailwicket -path "*-$(id -u mailwicket)/*" | wc -l')).toMatch(/^[1-9]/)
})

test('its user makes key and database, checks, and gives out a device', async () => {
  const config = readFileSync(join(debian.root, CONFIG), 'utf8')
  writeFileSync(join(debian.root, CONFIG), config.replace('imap.internal:993', '127.0.0.1:1').replace('smtp.internal:587', '127.0.0.1:1'))
  expect(await asService(`--config ${CONFIG} init`)).toContain('/var/lib/mailwicket/keys/master.key')
  const checked = await debian.run('runuser -u mailwicket -- mailwicket check --json')
  // All is well but for the mail server, which is not there.
  expect((JSON.parse(checked.stdout) as Finding[]).filter(({ status }) => status === 'fail').map(({ check }) => check.split(' ')[0])).toEqual([
    'upstream',
    'upstream',
  ])
  await inside(`echo upstream-secret | runuser -u mailwicket -- mailwicket mailbox add ${ANNA} --no-verify --secret-stdin`)
  await asService(`device add ${ANNA} phone`)
  expect(JSON.parse(await asService('device list --json'))).toMatchObject([{ mailbox: ANNA, name: 'phone' }])
  expect(await inside('find /var/lib/mailwicket -not -user mailwicket')).toBe('')
})

test('an update keeps a configuration that was changed, and all data; the service is restarted on the new program', async () => {
  const [config, devices] = [readFileSync(join(debian.root, CONFIG), 'utf8'), await asService('device list --json')]
  sources.setVersion('99.1.2')
  listenForSystemd()
  const said = await install(await sources.buildPackage())
  expect(said).not.toContain('Next, as root')
  expect(await inside('mailwicket --version')).toBe('99.1.2\n')
  expect(readFileSync(join(debian.root, CONFIG), 'utf8')).toBe(config)
  expect(await asService('device list --json')).toBe(devices)
  expect(await toldToSystemd()).toContain('try-restart mailwicket.service')
})

test('a database in an older form is left to its administrator, and so is the program that runs on it', async () => {
  const database = new Database(join(debian.root, 'var/lib/mailwicket/mailwicket.db'))
  database.exec("UPDATE meta SET value = value - 1 WHERE name = 'schema_version'")
  expect(await inside(`/var/lib/dpkg/info/mailwicket.postinst configure 99.1.2`)).toMatch(
    /^Mailwicket goes on running in the version before[\s\S]*mailwicket migrate/m,
  )
  expect(await toldToSystemd()).not.toContain('restart')
  database.exec("UPDATE meta SET value = value + 1 WHERE name = 'schema_version'")
  database.close()
})

test('removing keeps configuration and data, and the unit gone; installed again, all is as before', async () => {
  const config = readFileSync(join(debian.root, CONFIG), 'utf8')
  await inside('dpkg --remove mailwicket')
  expect(await toldToSystemd()).toMatch(/stop.*mailwicket\.service/)
  expect(await inside('find /usr /etc/mailwicket /var/cache -name "*mailwicket*"')).toBe(`/etc/mailwicket\n${CONFIG}\n`)
  await inside(`dpkg --install ${basename(first)}`)
  expect(readFileSync(join(debian.root, CONFIG), 'utf8')).toBe(config)
  expect(JSON.parse(await asService('device list --json'))).toMatchObject([{ mailbox: ANNA, name: 'phone' }])
})

test('purging takes the configuration, leaves database and master key, and says where they lie', async () => {
  const said = await inside('dpkg --purge mailwicket')
  for (const kept of ['/var/lib/mailwicket/keys/master.key', '/var/lib/mailwicket/mailwicket.db']) {
    expect(said).toContain(kept)
    expect(existsSync(join(debian.root, kept))).toBe(true)
  }
  expect(existsSync(join(debian.root, '/etc/mailwicket'))).toBe(false)
  expect(await inside('find /etc /usr /var -path /var/lib/mailwicket -prune -o -name "*mailwicket*" -print')).toBe('')
  expect(await inside('dpkg --audit; getent passwd mailwicket | cut -d: -f1')).toBe('mailwicket\n')
})
