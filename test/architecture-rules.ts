/**
 * The rules of the architecture as functions: source files in, violations out. `architecture.test.ts` runs them over the tree and proves that each one fires.
 * Who may import whom stands in `import-rules.ts`.
 *
 * They read text, not syntax trees: comments are cut out first, and a string that looks like code may be taken for it. No rule needs more.
 */
import { areaOf, importsOf, isProduct, onlyComments, packageOf, type Source, withoutComments } from '../docs/source-files.ts'

export interface Rule {
  /** What holds, and what to do where it does not. */
  readonly says: string
  /** `path:line: what` of every place where it does not hold. */
  check(source: Source): string[]
}

const MAX_LINES = 350
const MAX_HEAD_LINES = 12

const FORBIDDEN_NAMES = /^(utils?|helpers?|common|types?|misc|shared|index|constants|interfaces)(\.test)?\.ts$/

const where = (source: Source, at: number): string => `${source.path}:${source.text.slice(0, at).split('\n').length}`

function findAll(source: Source, text: string, pattern: RegExp, what: (found: string) => string): string[] {
  return Array.from(text.matchAll(pattern), match => `${where(source, match.index)}: ${what(match[0].trim())}`)
}

const code = (source: Source, pattern: RegExp, what = (found: string) => found): string[] => findAll(source, withoutComments(source.text), pattern, what)

/** `adapters`: package or Node module → the files (or folders, with a slash at the end) that may import it. */
export function oneAdapter(adapters: Readonly<Record<string, readonly string[]>>): Rule {
  return {
    says: 'Each outside package has one adapter: the files of the table in test/architecture.test.ts. Use what that file exports; for a new package add its adapter to the table.',
    check(source) {
      if (!isProduct(source.path)) return []
      return importsOf(source.text).flatMap(({ target, at }) => {
        const name = packageOf(target) ?? target
        const open = Object.hasOwn(adapters, name) ? adapters[name] : packageOf(target) === undefined ? undefined : []
        if (open === undefined || isListed(open, source.path)) return []
        return [`${where(source, at)}: imports ${name}; its adapter: ${open.join(', ') || 'none yet'}`]
      })
    },
  }
}

export const isListed = (list: readonly string[], path: string): boolean => list.some(entry => (entry.endsWith('/') ? path.startsWith(entry) : path === entry))

export function onlyMains(mains: readonly string[]): Rule {
  return {
    says: 'The environment, the end of the process and the console belong to the mains. Take them in as values, return a result, write to the log.',
    check: source => (!isProduct(source.path) || isListed(mains, source.path) ? [] : code(source, /\bprocess\.(?:env|exit|argv)\b|\bconsole\.\w+/g)),
  }
}

export function revealOnly(files: readonly string[]): Rule {
  return {
    says: 'A Secret is revealed only in the files listed in test/architecture.test.ts: hashing, tags, sealing, the upstream logins, the one-time display. Pass the Secret on instead.',
    check: source => (!isProduct(source.path) || isListed(files, source.path) ? [] : code(source, /\.reveal\(\)/g)),
  }
}

export const noRedaction: Rule = {
  says: 'Secrets are kept out of the log by their type (base/secret.ts), never by pattern: a pattern misses literals and encodings. Use class Secret.',
  check: source => (isProduct(source.path) ? code(source, /\bredact\w*|\.replace(?:All)?\(\s*\/[^\n]*?(?:passw|secret|token|authenticate|login)/gi) : []),
}

export const smallFiles: Rule = {
  says: `No file over ${MAX_LINES} lines; a typical one has 60 to 180. Split it where it has two subjects.`,
  check({ path, text }) {
    const lines = text.split('\n').length - 1
    return lines > MAX_LINES ? [`${path}: ${lines} lines`] : []
  },
}

export const fileNames: Rule = {
  says: 'A file is named after its one subject, in kebab-case; utils, helpers, common, types and the like collect everything.',
  check({ path }) {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return FORBIDDEN_NAMES.test(name) || !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|d))?\.ts$/.test(name) ? [path] : []
  },
}

export const fileHeads: Rule = {
  says: `A file begins with a comment of at most ${MAX_HEAD_LINES} lines: what it is, what it is not, its invariants.`,
  check({ path, text }) {
    if (!isProduct(path) || path.endsWith('.d.ts')) return []
    const head = /^(?:#!.*\n)?(\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(text)?.[1]
    if (head === undefined) return [`${path}: begins without one`]
    const lines = head.split('\n').filter(line => /[a-z]/i.test(line)).length
    return lines > MAX_HEAD_LINES ? [`${path}: ${lines} lines`] : []
  },
}

export const noDefaultExports: Rule = {
  says: 'No default exports: a name is the same everywhere. Export it by name. (Only vitest.config.ts must.)',
  check: source => (source.path === 'vitest.config.ts' ? [] : code(source, /^export default\b|\bas default\b/gm)),
}

export const rfcComments: Rule = {
  says: 'A standard is cited as `RFC 4954 §4: the duty, in our words` (several sections: `§4, §6.1`), so that docs/standards.md finds it.',
  check(source) {
    // The tests of the generated pages try the wrong forms too.
    if (areaOf(source.path) === 'docs') return []
    const comments = onlyComments(source.text)
    const written = findAll(source, comments, /\brfc[ -]?\d[^\n]{0,24}/gi, found => found).filter(
      line => !/: RFC [1-9]\d{2,4}(?! ?(?:sec|chapter|\d|§ ))/.test(line),
    )
    const alone = findAll(source, comments, /(?:\/\/|\/?\*+) RFC \d+(?:,? §[\w.]+)*(?::| )?(?: *\*\/| *$)/gm, found => `${found}: says no duty`)
    return [...written, ...alone]
  },
}

export const markers: Rule = {
  says: 'Three markers are searched for: WORKAROUND(app and version), DEVIATION(RFC nnnn §x), SECURITY: (a line that must not be simplified). Unfinished work has no marker: finish it.',
  check(source) {
    // The pages of docs/ speak about the markers.
    if (areaOf(source.path) === 'docs') return []
    const comments = onlyComments(source.text)
    return [
      ...findAll(source, comments, /\b(?:TODO|FIXME|XXX|HACK)\b[^\n]{0,40}/g, found => found),
      ...findAll(source, comments, /\bWORKAROUND\b(?!\([^)]*\d[^)]*\))[^\n]{0,40}/g, found => found),
      ...findAll(source, comments, /\bDEVIATION\b(?!\(RFC \d+ §[\w.]+\))[^\n]{0,40}/g, found => found),
      ...findAll(source, comments, /\bSECURITY\b(?!: \S)[^\n]{0,40}/g, found => found),
    ]
  },
}

export const noCommands: Rule = {
  says: 'The command line is one face of several: what store/, management/ and base/problems.ts say names no command and no option. Which one helps stands in admin-cli/frame/remedies.ts.',
  check(source) {
    const isFacesAlike = ['store', 'management'].includes(areaOf(source.path)) || source.path === 'base/problems.ts'
    return isProduct(source.path) && isFacesAlike ? code(source, /\bmailwicket [a-z]+|(?<=[\s`'"(])--[a-z][a-z-]+/g) : []
  },
}

export const builtPaths: Rule = {
  says: "The build rewrites the './x.ts' of imports, not of other strings: such a file is not found in dist/. Take the ending from import.meta.url.",
  check(source) {
    if (!isProduct(source.path)) return []
    const imported = new Set(importsOf(source.text).map(({ at }) => at))
    const text = withoutComments(source.text)
    return Array.from(text.matchAll(/['"`][^'"`\n]*[^'"`\n]\.ts['"`]/g))
      .filter(match => !imported.has(match.index + match[0].length))
      .map(match => `${where(source, match.index)}: ${match[0]}`)
  },
}

export const sharedModules: Rule = {
  says: 'Unit tests of one worker share their modules (vitest.config.ts): a hook at the top of a fixture belongs to the first file alone, and a mocked module stays mocked. Use onTestFinished in the function that makes something; hand in what differs.',
  check(source) {
    if (isProduct(source.path) || source.path.startsWith('test/')) return []
    const hooks = source.path.endsWith('-fixture.ts') ? code(source, /^(?:before|after)(?:All|Each)\(/gm) : []
    return [...hooks, ...code(source, /\bvi\.(?:do)?[mM]ock\(/g)]
  },
}

/** Words of the past → the one of docs/glossary.md. */
const WORDS: Readonly<Record<string, string>> = {
  'cut-over': 'migration',
  door: 'adapter',
  farewell: 'last reply',
  house: 'architecture',
  'known block': 'recognised network',
  'look-alike end': 'bare-LF end of data',
  'sign of life': 'heartbeat',
  stranger: 'unknown network',
  'take-over': 'detach the socket',
  'way around': 'bypass',
}

export const words: Rule = {
  says: 'One word for one thing, in comments too: docs/glossary.md. Names of commands, columns and JSON fields stay, in backquotes.',
  check(source) {
    const prose = onlyComments(source.text).replace(/`[^`\n]*`/g, blank => ' '.repeat(blank.length))
    const pattern = new RegExp(`\\b(?:${Object.keys(WORDS).join('|')})s?\\b`, 'gi')
    return findAll(source, prose, pattern, found => `${found}: say ${WORDS[found.toLowerCase().replace(/s$/, '')]}`)
  },
}
