/**
 * `npm run package:deb`: mailwicket_VERSION_ARCH.deb of what `npm run build` made, with the Node of node_modules, for the kind of machine that this is.
 * The files of packaging/debian are its control files; what they leave open (`${…}`) is filled in here. Needs dpkg-deb and nothing else of Debian.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { formatSampleConfig } from '../config/config-sample.ts'

const ROOT = join(import.meta.dirname, '..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const CPU = arch()
const NODE = join(ROOT, `node_modules/node-linux-${CPU}`)
/** What the bundle leaves out (bundle.ts), with what these need at run time; the rest of what they ask for is for compiling them. */
const NATIVE = ['better-sqlite3', 'argon2', '@phc/format', 'node-gyp-build']
/** Sources, and what was compiled for other machines. */
const NOT_RUN = /\.(?:[cm]?ts|map|md|cpp|cc|c|h|gypi?)$|\/(?:deps|src|test|argon2\/argon2)(?:\/|$)|\/node-gyp-build\/(?:bin|build-test|optional)\.js$/
const PROGRAM = 'usr/lib/mailwicket'
const DOCUMENTS = 'usr/share/doc/mailwicket'

if (!existsSync(join(ROOT, 'dist/admin-cli/main.js'))) throw new Error('dist/ is not there: npm run package:deb builds it first')
if (!existsSync(join(NODE, 'bin/node'))) throw new Error(`there is no packaged Node for ${CPU}: a package is built on the kind of machine that it is for`)

const stage = mkdtempSync(join(tmpdir(), 'mailwicket-deb-'))
const at = (path: string): string => {
  mkdirSync(dirname(join(stage, path)), { recursive: true })
  return join(stage, path)
}
const copy = (from: string, to: string, filter: (path: string) => boolean = () => true) =>
  cpSync(join(ROOT, from), at(to), { recursive: true, filter: path => filter(`/${relative(ROOT, path)}`) })
const write = (path: string, content: string | Uint8Array) => writeFileSync(at(path), content)
/** Without name and time in its head: the same content is the same file. */
const compress = (path: string, content: string | Uint8Array) => write(`${path}.gz`, gzipSync(content, { level: 9 }))

try {
  addProgram()
  addSystemFiles()
  addDocuments()
  addControlFiles()
  settleModes()
  const file = join(ROOT, `mailwicket_${version}_${architecture()}.deb`)
  // zstd: a third of xz's size more, and a hundredth of its time. Debian 12 and Ubuntu 22.04 read it.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z3', '--build', stage, file], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.stdout.write(`${relative(process.cwd(), file) || file}\n`)
} finally {
  rmSync(stage, { recursive: true, force: true })
}

function addProgram(): void {
  copy('bin/mailwicket', `${PROGRAM}/bin/mailwicket`)
  copy('dist', `${PROGRAM}/dist`)
  cpSync(join(NODE, 'bin/node'), at(`${PROGRAM}/bin/node`))
  write(`${PROGRAM}/package.json`, `${JSON.stringify({ name: 'mailwicket', version, type: 'module' })}\n`)
  for (const name of NATIVE) {
    copy(`node_modules/${name}`, `${PROGRAM}/node_modules/${name}`, path => !NOT_RUN.test(path) && (!path.endsWith('.node') || isForThisMachine(path)))
  }
  // Folders of other machines, now empty.
  for (const folder of globSync(join(stage, PROGRAM, 'node_modules/*/prebuilds/*/')))
    if (statSync(folder).isDirectory() && readdirSync(folder).length === 0) rmSync(folder, { recursive: true })
  mkdirSync(join(stage, 'usr/bin'))
  symlinkSync('../lib/mailwicket/bin/mailwicket', join(stage, 'usr/bin/mailwicket'))
}

function isForThisMachine(path: string): boolean {
  return path.includes(`linux-${CPU}`) && !path.includes('musl')
}

function addSystemFiles(): void {
  copy('packaging/debian/mailwicket.toml', 'etc/mailwicket/mailwicket.toml')
  for (const unit of ['mailwicket.service', 'mailwicket.socket']) copy(`packaging/systemd/${unit}`, `usr/lib/systemd/system/${unit}`)
  for (const page of ['mailwicket.1', 'mailwicket.toml.5']) compress(`usr/share/man/man${page.at(-1)}/${page}`, readFileSync(join(ROOT, 'packaging/man', page)))
  const completions = {
    bash: 'bash-completion/completions/mailwicket',
    zsh: 'zsh/vendor-completions/_mailwicket',
    fish: 'fish/vendor_completions.d/mailwicket.fish',
  }
  for (const [shell, file] of Object.entries(completions)) write(`usr/share/${file}`, execFileSync(join(ROOT, 'bin/mailwicket'), ['completion', shell]))
}

function addDocuments(): void {
  for (const page of globSync('docs/**/*.md', { cwd: ROOT })) copy(page, `${DOCUMENTS}/${relative('docs', page)}`)
  for (const folder of ['crowdsec', 'fail2ban', 'grafana', 'prometheus']) copy(`packaging/${folder}`, `${DOCUMENTS}/examples/${folder}`)
  write(`${DOCUMENTS}/examples/mailwicket.toml`, formatSampleConfig({ hostname: 'mail.example.com', dataDir: '/var/lib/mailwicket', domains: ['example.com'] }))
  copy('packaging/debian/copyright', `${DOCUMENTS}/copyright`)
  cpSync(join(NODE, 'LICENSE'), at(`${DOCUMENTS}/LICENSE.node`))
  copy('CHANGELOG.md', `${DOCUMENTS}/CHANGELOG.md`)
  const entry = `mailwicket (${version}) unstable; urgency=medium\n\n  * What changed stands in CHANGELOG.md.\n\n -- ${maintainer()}  ${madeAt()}\n`
  compress(`${DOCUMENTS}/changelog`, entry)
}

function addControlFiles(): void {
  const installedSize = String(Math.ceil(filesIn(stage).reduce((sum, path) => sum + statSync(path).size, 0) / 1024))
  const values: Readonly<Record<string, string>> = { version, architecture: architecture(), maintainer: maintainer(), installedSize }
  const control = readFileSync(join(ROOT, 'packaging/debian/control'), 'utf8')
  write(
    'DEBIAN/control',
    control.replace(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? ''),
  )
  write(
    'DEBIAN/conffiles',
    filesIn(join(stage, 'etc'))
      .map(path => `/${relative(stage, path)}\n`)
      .join(''),
  )
  for (const script of ['postinst', 'prerm', 'postrm']) copy(`packaging/debian/${script}`, `DEBIAN/${script}`)
  const sums = execFileSync(
    'md5sum',
    filesIn(join(stage, 'usr')).map(path => relative(stage, path)),
    { cwd: stage },
  )
  write('DEBIAN/md5sums', sums)
}

/** Whatever the umask of who builds it. */
function settleModes(): void {
  const programs = new Set([...['bin/mailwicket', 'bin/node'].map(path => join(PROGRAM, path)), 'DEBIAN/postinst', 'DEBIAN/prerm', 'DEBIAN/postrm'])
  for (const entry of readdirSync(stage, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isSymbolicLink()) chmodSync(path, entry.isDirectory() || programs.has(relative(stage, path)) ? 0o755 : 0o644)
  }
  chmodSync(stage, 0o755)
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function architecture(): string {
  return { x64: 'amd64', arm64: 'arm64' }[CPU as 'x64'] ?? CPU
}

/** As Debian's own tools take it. */
function maintainer(): string {
  return `${process.env['DEBFULLNAME'] ?? 'The Mailwicket authors'} <${process.env['DEBEMAIL'] ?? 'authors@mailwicket.example'}>`
}

/** RFC 5322, in UTC; `SOURCE_DATE_EPOCH` makes builds of the same sources the same. */
function madeAt(): string {
  const epoch = process.env['SOURCE_DATE_EPOCH']
  return (epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)).toUTCString().replace('GMT', '+0000')
}
