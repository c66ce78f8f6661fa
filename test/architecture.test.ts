/** Holds the rules of the architecture (CONTRIBUTING.md) over every source file; see `architecture-rules.ts` for what each one looks at. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { importsOf, isProduct, packageOf, readSources, type Source } from '../docs/source-files.ts'
import { PACKAGE_ASSETS } from '../portal/views/asset-names.ts'
import {
  builtPaths,
  fileHeads,
  fileNames,
  isListed,
  markers,
  noCommands,
  noDefaultExports,
  noRedaction,
  oneAdapter,
  onlyMains,
  type Rule,
  revealOnly,
  rfcComments,
  sharedModules,
  smallFiles,
  words,
} from './architecture-rules.ts'
import { findImportCircles, importDirection, NO_CIRCLES } from './import-rules.ts'

const root = new URL('..', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

const sources = readSources(root.pathname)

/** Package, or module of Node → the only files and folders of the product that may import it. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  '@simplewebauthn/server': ['portal/sign-in/passkeys.ts'],
  otplib: ['portal/sign-in/totp.ts'],
  '@peculiar/x509': ['certs/development-ca.ts'],
  asn1js: ['portal/setup/signed-data.ts'],
  pkijs: ['portal/setup/signed-data.ts'],
  argon2: ['store/passwords/password-hash.ts'],
  'better-sqlite3': ['store/sqlite/sqlite-connection.ts'],
  'cli-progress': ['admin-cli/frame/progress.ts'],
  commander: ['admin-cli/frame/command-frame.ts'],
  'csv-parse': ['admin-cli/frame/csv.ts'],
  'csv-stringify': ['base/csv-format.ts'],
  'emailjs-imap-handler': [
    'gateway/imap/imap-id.ts',
    'admin-cli/demo/demo-imap-command.ts',
    'admin-cli/demo/demo-imap-session.ts',
    'admin-cli/demo/demo-imap-fetch.ts',
  ],
  '@hono/node-server': ['http/http-server.ts'],
  '@hono/zod-openapi': ['api/'],
  hono: ['api/', 'http/', 'portal/'],
  imapflow: ['upstream/probe/inbox.ts'],
  'ipaddr.js': ['base/network.ts'],
  kysely: ['store/'],
  nodemailer: ['portal/mail/submission-client.ts'],
  'lru-cache': [
    'store/passwords/password-hash.ts',
    'gateway/abuse/failure-counter.ts',
    'gateway/abuse/recognised-networks.ts',
    'gateway/login/outage-grace.ts',
  ],
  'node:http': ['gateway/monitoring/admin-endpoint.ts', 'http/http-server.ts'],
  'rate-limiter-flexible': ['gateway/abuse/failure-counter.ts', 'gateway/abuse/limiter.ts'],
  'node:tls': ['http/http-server.ts', 'admin-cli/check/open-login-ports.ts', 'certs/', 'gateway/listen/connection.ts', 'upstream/upstream-dialler.ts'],
  pg: ['store/postgres/postgres-pool.ts'],
  pgpass: ['store/postgres/password-file.ts'],
  pino: ['base/log.ts'],
  'pino-pretty': ['base/log.ts'],
  'prom-client': [
    'gateway/monitoring/metrics.ts',
    'gateway/monitoring/process-metrics.ts',
    'gateway/monitoring/portal-metrics.ts',
    'gateway/monitoring/supervisor-metrics.ts',
    'gateway/monitoring/aggregate-metrics.ts',
  ],
  'reflect-metadata': ['certs/development-ca.ts'],
  uqr: ['portal/setup/qr-path.ts'],
  'smol-toml': ['config/config-parse.ts'],
  'string-width': ['admin-cli/frame/table.ts'],
  'smtp-server': ['admin-cli/demo/demo-submission.ts', 'gateway/smtp/smtp-server-adapter.ts', 'gateway/smtp/smtp-detach.ts'],
  '@zxcvbn-ts/core': ['portal/pages/parts/password-strength.ts'],
  '@zxcvbn-ts/language-common': ['portal/pages/parts/password-strength.ts'],
  zod: ['config/config-kinds.ts', 'config/config-parse.ts', 'config/config-problems.ts'],
}

const MAINS = ['admin-cli/main.ts', 'cluster/worker-main.ts', 'portal/portal-main.ts']

const REVEALS = [
  'store/',
  'api/shown-once.ts',
  'portal/mail/compose-notice.ts',
  'portal/mail/submission-client.ts',
  'portal/pages/invited/invited-device.ts',
  'portal/pages/shown/',
  'portal/setup/apple-profile.ts',
  'portal/setup/thunderbird-square.ts',
  'portal/sign-in/passkeys.ts',
  'portal/sign-in/sealed-values.ts',
  'portal/sign-in/totp.ts',
  'portal/web/cookies.ts',
  'admin-cli/commands/devices/device-password.ts',
  'gateway/login/migration-memory.ts',
  'gateway/login/outage-grace.ts',
  'upstream/hide-login.ts',
  'upstream/sasl-client.ts',
  'upstream/imap/imap-login-forms.ts',
]

/** Name → the rule, and examples that it must find. */
const rules: Readonly<Record<string, readonly [Rule, ...Source[]]>> = {
  'imports go one way': [
    importDirection,
    { path: 'base/log.ts', text: "import { a } from '../store/a.ts'\n" },
    { path: 'gateway/imap/a.ts', text: "import { b } from '../smtp/b.ts'\n" },
    { path: 'admin-cli/a.ts', text: "await import('../gateway/wire/splice.ts')\n" },
    { path: 'admin-cli/a.ts', text: "import { a } from '../portal/pages/layout.ts'\n" },
    { path: 'upstream/a.ts', text: "import { a } from '../gateway/a.ts'\n" },
    { path: 'upstream/imap/a.ts', text: "import { b } from '../smtp/b.ts'\n" },
    { path: 'upstream/upstream-login.ts', text: "import { b } from './probe/b.ts'\n" },
    { path: 'management/a.ts', text: "import type { A } from '../gateway/gateway.ts'\n" },
    { path: 'http/a.ts', text: "import { a } from '../store/a.ts'\n" },
    { path: 'api/a.ts', text: "import { a } from '../store/open-store.ts'\n" },
    { path: 'portal/a.ts', text: "import { a } from '../gateway/gateway.ts'\n" },
    { path: 'cluster/a.ts', text: "import { a } from '../store/open-store.ts'\n" },
    { path: 'store/schema/a.ts', text: "import { a } from '../accounts/a.ts'\n" },
    { path: 'store/sqlite/a.ts', text: "import { a } from '../keys/a.ts'\n" },
    { path: 'store/sending/a.ts', text: "import { a } from '../accounts/a.ts'\n" },
    { path: 'store/history/a.ts', text: "import { a } from '../open-store.ts'\n" },
    { path: 'store/accounts/a.ts', text: "import { a } from '../history/a.ts'\n" },
    { path: 'store/else/a.ts', text: '' },
    { path: 'gateway/wire/a.ts', text: "import { a } from '../sessions/a.ts'\n" },
    { path: 'gateway/login/a.ts', text: "import { a } from '../imap/a.ts'\n" },
    { path: 'gateway/limits.ts', text: "import { a } from './wire/a.ts'\n" },
    { path: 'gateway/another.ts', text: '' },
    { path: 'new-area/a.ts', text: '' },
    { path: 'store/a.ts', text: "import './a.test.ts'\n" },
  ],
  'each outside package has one adapter': [
    oneAdapter(ADAPTERS),
    { path: 'gateway/a.ts', text: "import { hash } from 'argon2'\n" },
    { path: 'gateway/a.ts', text: "import { connect } from 'node:tls'\n" },
    { path: 'store/a.ts', text: "export * from 'never-heard-of/it'\n" },
  ],
  'environment, exit and console belong to the mains': [
    onlyMains(MAINS),
    { path: 'store/a.ts', text: 'const home = process.env.HOME\n' },
    { path: 'admin-cli/a.ts', text: 'console.log(1)\n' },
  ],
  'secrets are revealed in few places': [revealOnly(REVEALS), { path: 'gateway/a.ts', text: 'const a = secret.reveal()\n' }],
  'secrets are not hidden by patterns': [
    noRedaction,
    { path: 'base/a.ts', text: "line.replace(/password=.*/, '')\n" },
    { path: 'base/a.ts', text: "pino({ redact: ['secret'] })\n" },
  ],
  'files are small': [smallFiles, { path: 'base/a.ts', text: '\n'.repeat(351) }],
  'files are named after one subject': [fileNames, { path: 'base/utils.ts', text: '' }, { path: 'base/logFile.ts', text: '' }],
  'files say what they are': [
    fileHeads,
    { path: 'base/a.ts', text: "import { a } from './b.ts'\n" },
    { path: 'base/a.ts', text: `/**\n${' * a\n'.repeat(13)} */\n` },
  ],
  'nothing is exported as default': [noDefaultExports, { path: 'base/a.ts', text: 'export default 1\n' }],
  'standards are cited in one form, with their duty': [
    rfcComments,
    { path: 'base/a.ts', text: '// RFC4954 section 4: no\n' },
    { path: 'base/a.ts', text: '/** RFC 4954 section 4: no */\n' },
    { path: 'base/a.ts', text: 'go() // RFC 4954 §4\n' },
    { path: 'base/a.ts', text: '/** RFC 4954 §4, §6.1 */\n' },
  ],
  'markers are complete, and no work is left': [
    markers,
    { path: 'base/a.ts', text: '// TODO later\n' },
    { path: 'base/a.ts', text: '// WORKAROUND for Outlook\n' },
    { path: 'base/a.ts', text: '// DEVIATION(RFC 9051): no section\n' },
  ],
  'one word for one thing': [words, { path: 'base/a.ts', text: '/** The only door to pino. */\n' }, { path: 'base/a.ts', text: '// Two strangers.\n' }],
  'nothing behind the command line speaks of it': [
    noCommands,
    { path: 'store/a.ts', text: "throw bad('run `mailwicket init` first')\n" },
    { path: 'management/a.ts', text: "throw bad('leave out --password-stdin')\n" },
  ],
  'no test file leaves something to the next': [
    sharedModules,
    { path: 'store/a-fixture.ts', text: 'afterEach(() => close())\n' },
    { path: 'store/a.test.ts', text: "vi.mock('node:fs')\n" },
  ],
  'paths survive the build': [builtPaths, { path: 'store/a.ts', text: "new Worker(new URL('./worker.ts', import.meta.url))\n" }],
}

test.each(Object.entries(rules))('%s', (_name, [rule]) => {
  const found = sources.filter(({ path }) => !path.startsWith('test/architecture')).flatMap(source => rule.check(source))
  if (found.length > 0) expect.fail(`${rule.says}\n\n  ${found.join('\n  ')}\n`)
})

test.each(Object.entries(rules))('the rule fires: %s', (_name, [rule, ...offences]) => {
  for (const offence of offences) expect(rule.check(offence), offence.text).toHaveLength(1)
})

test('imports have no circle', () => {
  const found = findImportCircles(sources)
  if (found.length > 0) expect.fail(`${NO_CIRCLES}\n\n  ${found.join('\n  ')}\n`)
})

test.each([
  ['two files', ['base/a.ts → base/b.ts → base/a.ts'], { 'base/a.ts': './b.ts', 'base/b.ts': './a.ts' }],
  ['three files', ['base/a.ts → base/b.ts → base/c.ts → base/a.ts'], { 'base/a.ts': './b.ts', 'base/b.ts': './c.ts', 'base/c.ts': './a.ts' }],
  [
    'folders, though no file meets itself',
    ['admin-cli/x → admin-cli/y → admin-cli/x'],
    { 'admin-cli/x/a.ts': '../y/a.ts', 'admin-cli/y/a.ts': './b.ts', 'admin-cli/y/b.ts': '../x/b.ts', 'admin-cli/x/b.ts': 'node:fs' },
  ],
  ['none', [], { 'base/a.ts': './b.ts', 'base/b.ts': './c.ts', 'base/c.ts': 'node:fs', 'base/d.ts': './b.ts' }],
])('a circle of imports is found: %s', (_name, circles, files) => {
  expect(findImportCircles(Object.entries(files).map(([path, target]) => ({ path, text: `import type { A } from '${target}'\n` })))).toEqual(circles)
})

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(read('package.json')) as Manifest
const imported = (from: (path: string) => boolean): Set<string | undefined> =>
  new Set(sources.filter(({ path }) => from(path)).flatMap(({ text }) => importsOf(text).map(({ target }) => packageOf(target))))

test('every dependency is used, and every package that is used is a dependency', () => {
  // Some run in the browser: they are served as files.
  const served = Object.values(PACKAGE_ASSETS).map(([name]) => name)
  const used = new Set([...imported(isProduct), ...served])
  const unused = Object.keys(manifest.dependencies).filter(name => !used.has(name))
  expect(unused, 'Remove them from the dependencies of package.json, or move what only tests use to devDependencies.').toEqual([])
  const known = { ...manifest.dependencies, ...manifest.devDependencies }
  const unknown = [...imported(() => true)].filter(name => name !== undefined && !Object.hasOwn(known, name))
  expect(unknown, 'Add them to package.json.').toEqual([])
  const versions = Object.entries({ ...known, ...manifest.optionalDependencies })
  expect(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
    'Pin exact versions.',
  ).toEqual([])
})

test('every adapter and every listed file exists', () => {
  const adapters = [...Object.values(ADAPTERS).flat(), ...MAINS, ...REVEALS]
  expect([...new Set(adapters)].filter(adapter => !sources.some(({ path }) => isListed([adapter], path)))).toEqual([])
  expect(
    Object.keys(ADAPTERS).filter(name => !name.startsWith('node:') && !Object.hasOwn(manifest.dependencies, name)),
    'adapters without a dependency',
  ).toEqual([])
})

test('the lock file names every optional package, also those for other machines', () => {
  interface Locked {
    readonly version?: string
    readonly optionalDependencies?: Readonly<Record<string, string>>
  }
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Locked>> }
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      name => packages[`node_modules/${name}`]?.version === undefined && packages[`${path}/node_modules/${name}`] === undefined,
    ),
  )
  expect(
    missing,
    'npm ci refuses a lock file without them: run npm install against a registry that has them all, or add name, version, os and cpu by hand.',
  ).toEqual([])
})
