/** Holds the rules of the architecture (CONTRIBUTING.md) over every source file; see `architecture-rules.ts` for what each one looks at. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  builtPaths,
  fileHeads,
  fileNames,
  importDirection,
  importsOf,
  isListed,
  isProduct,
  markers,
  noDefaultExports,
  noRedaction,
  oneAdapter,
  onlyMains,
  packageOf,
  type Rule,
  revealOnly,
  rfcComments,
  type Source,
  smallFiles,
} from './architecture-rules.ts'

const root = new URL('..', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

const sources: Source[] = globSync(['*.ts', '{admin-cli,base,bench,bin,certs,cluster,config,docs,gateway,management,store,test,upstream}/**/*.ts'], {
  cwd: root.pathname,
})
  .sort()
  .map(path => ({ path, text: read(path) }))

/** Package, or module of Node → the only files and folders of the product that may import it. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  '@peculiar/x509': ['certs/development-ca.ts'],
  argon2: ['store/passwords/password-hash.ts'],
  'better-sqlite3': ['store/sqlite/sqlite-connection.ts'],
  'cli-progress': ['admin-cli/frame/progress.ts'],
  'cli-table3': ['admin-cli/frame/table.ts'],
  commander: ['admin-cli/frame/command-frame.ts'],
  'csv-parse': ['admin-cli/frame/csv.ts'],
  'csv-stringify': ['admin-cli/frame/csv.ts'],
  'emailjs-imap-handler': ['gateway/imap/imap-id.ts'],
  'hoodiecrow-imap': ['admin-cli/demo/demo-upstream.ts'],
  imapflow: ['upstream/probe/imap-probe.ts'],
  'ipaddr.js': ['base/network.ts'],
  kysely: ['store/'],
  'lru-cache': ['store/passwords/password-hash.ts', 'gateway/abuse/failure-counter.ts', 'gateway/abuse/recognised-networks.ts'],
  'node:http': ['gateway/monitoring/admin-endpoint.ts'],
  'rate-limiter-flexible': ['gateway/abuse/failure-counter.ts', 'gateway/abuse/limiter.ts'],
  'node:tls': ['admin-cli/check/open-login-ports.ts', 'certs/', 'gateway/listen/connection.ts', 'upstream/upstream-dialler.ts'],
  nodemailer: ['upstream/probe/submission-probe.ts'],
  pino: ['base/log.ts'],
  'pino-pretty': ['base/log.ts'],
  'prom-client': ['gateway/monitoring/metrics.ts', 'gateway/monitoring/process-metrics.ts'],
  'reflect-metadata': ['certs/development-ca.ts'],
  'smol-toml': ['config/config-parse.ts'],
  'smtp-server': ['admin-cli/demo/demo-submission.ts', 'gateway/smtp/smtp-server-adapter.ts', 'gateway/smtp/smtp-detach.ts'],
  zod: ['config/config-kinds.ts', 'config/config-parse.ts', 'config/config-problems.ts'],
}

const MAINS = ['admin-cli/main.ts']

const REVEALS = [
  'store/',
  'admin-cli/commands/device-password.ts',
  'upstream/probe/imap-probe.ts',
  'upstream/probe/submission-probe.ts',
  'gateway/abuse/secret-fingerprint.ts',
  'gateway/login/migration-memory.ts',
  'upstream/upstream-login.ts',
  'upstream/imap/imap-upstream.ts',
  'upstream/smtp/smtp-upstream.ts',
]

/** Name → the rule, and examples that it must find. */
const rules: Readonly<Record<string, readonly [Rule, ...Source[]]>> = {
  'imports go one way': [
    importDirection,
    { path: 'base/log.ts', text: "import { a } from '../store/a.ts'\n" },
    { path: 'gateway/imap/a.ts', text: "import { b } from '../smtp/b.ts'\n" },
    { path: 'admin-cli/a.ts', text: "await import('../gateway/wire/splice.ts')\n" },
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
  'paths survive the build': [builtPaths, { path: 'store/a.ts', text: "new Worker(new URL('./worker.ts', import.meta.url))\n" }],
}

test.each(Object.entries(rules))('%s', (_name, [rule]) => {
  const found = sources.filter(({ path }) => !path.startsWith('test/architecture')).flatMap(source => rule.check(source))
  if (found.length > 0) expect.fail(`${rule.says}\n\n  ${found.join('\n  ')}\n`)
})

test.each(Object.entries(rules))('the rule fires: %s', (_name, [rule, ...offences]) => {
  for (const offence of offences) expect(rule.check(offence), offence.text).toHaveLength(1)
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
  const used = imported(isProduct)
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
