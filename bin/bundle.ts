/**
 * `npm run build`: the sources as few files of JavaScript with source maps in dist/, from which a package runs: Node then reads a fifth of the
 * files at each start, and of those only what a command needs. From a checkout the sources run as they stand.
 *
 * Each entry keeps its place (dist/admin-cli/main.js); what they share lies in dist/. What is native stays a package.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'

const ROOT = new URL('..', import.meta.url).pathname
/** Or the folder that is named. */
const DIST = process.argv[2] ?? join(ROOT, 'dist')
/** The program, and what it starts as processes and threads. */
const ENTRIES = ['admin-cli/main', 'cluster/worker-main', 'portal/portal-main', 'store/gateway-side/writer-thread']
const PACKAGES_KEPT = ['better-sqlite3', 'argon2', 'pg-native']

/** A source finds the files beside it from where it stood: all output lies flat in dist/. */
const placesOfSources: Plugin = {
  name: 'places-of-sources',
  transform(code, id) {
    if (id.includes('node_modules') || !code.includes('import.meta.url')) return null
    for (const [, file = ''] of code.matchAll(/new URL\(`(.*?)\$\{import\.meta\.url\.endsWith/g)) {
      const started = relative(ROOT, join(dirname(id), file))
      if (!ENTRIES.includes(started)) throw new Error(`${relative(ROOT, id)} starts ${started}, which is no entry of the bundle`)
    }
    const place = `./${relative(ROOT, id).replace(/\.ts$/, '.js')}`
    return { code: code.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`), map: null }
  },
}

/**
 * Node's own modules are taken as `require` gives them: for an import the loader makes a copy of all names of each, and asking `node:crypto` for all of
 * its names loads what a command does not need.
 */
const builtinsAsTheyAre: Plugin = {
  name: 'builtins-as-they-are',
  renderChunk: code => ({
    code: code.replace(
      /^import (?:(\w+)|\* as (\w+)|\{([^}]*)\}) from "(node:[\w/]+|[\w/]+)";$/gm,
      (line, one: string | undefined, all: string | undefined, names: string | undefined, from: string) => {
        const name = one ?? all ?? `{${names?.replaceAll(' as ', ': ')}}`
        return isBuiltin(from) ? `const ${name} = process.getBuiltinModule(${JSON.stringify(from)});` : line
      },
    ),
    map: null,
  }),
}

/** What nearly every command loads, in two files: the frame, which is all that `--help` needs, and configuration, store and use cases. */
const FILES_OF_COMMANDS = [
  { name: 'frame', test: /\/admin-cli\/(?:run-command|program|frame\/operator)\.ts$/, priority: 2 },
  {
    name: 'store',
    test: /\/(?:admin-cli\/frame\/.*|config\/config-load|store\/open-store|management\/(?:page-lists|(?:devices|mailboxes|people)\/.*))\.ts$/,
    priority: 1,
  },
]

const bundled = new Set<string>()
rmSync(DIST, { recursive: true, force: true })
// The program apart from what it starts: files that are good for a command's start would be loaded by every worker and thread, and cost them memory.
await bundle(ENTRIES.slice(0, 1), FILES_OF_COMMANDS)
await bundle(ENTRIES.slice(1), [])

async function bundle(entries: readonly string[], groups: typeof FILES_OF_COMMANDS): Promise<void> {
  const build = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(entries.map(entry => [entry.replaceAll('/', '-'), `${entry}.ts`])),
    platform: 'node',
    // Comments and source maps name files as they lie here, also where node_modules is a link to elsewhere.
    resolve: { symlinks: false },
    external: id => PACKAGES_KEPT.some(name => id === name || id.startsWith(`${name}/`)),
    plugins: [placesOfSources, builtinsAsTheyAre],
    onLog: (level, log) => {
      // That a file is imported both ways is no fault where a group wants it.
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') throw new Error(log.message)
    },
  })
  const { output } = await build.write({
    dir: DIST,
    format: 'esm',
    sourcemap: true,
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: { groups },
    // Packages of the old kind ask for others by it.
    banner: `const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);`,
  })
  await build.close()
  for (const chunk of output) {
    if (chunk.type !== 'chunk') continue
    for (const id of chunk.moduleIds) {
      const found = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]
      if (found !== undefined) bundled.add(found)
    }
  }
}

for (const entry of ENTRIES) {
  const file = join(DIST, `${entry}.js`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `import '${'../'.repeat(entry.split('/').length - 1)}${entry.replaceAll('/', '-')}.js'\n`)
}
cpSync(join(ROOT, 'portal/assets'), join(DIST, 'portal/assets'), { recursive: true })
writeFileSync(
  join(DIST, 'LICENSES.txt'),
  [...bundled]
    .sort()
    .map(readLicence)
    .join(`\n${'-'.repeat(80)}\n\n`),
)

/** What a bundle must carry of each package in it. */
function readLicence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>
  const file = readdirSync(folder).find(one => /^licen[cs]e/i.test(one))
  const text = file !== undefined && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : 'No licence file comes with it.'
  return `${name} ${version} (${license})\n\n${text}\n`
}
