/**
 * The sources of the project as text: which there are, to which area each belongs, what it imports. The architecture test and the pictures in
 * docs/architecture.md are made from this. Text, not syntax trees: a string that looks like code may be taken for it; nobody needs more.
 */
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join as joinPath } from 'node:path'
import { join, normalize } from 'node:path/posix'

/** One file, `path` relative to the root of the project. */
export interface Source {
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly target: string
  /** Where the import ends in the text. */
  readonly at: number
  /** `import type`: nothing of it is loaded. */
  readonly isTypeOnly: boolean
}

/** Folders at the root that are part of the product, from the lowest on. */
export const PRODUCT = ['base', 'config', 'certs', 'store', 'upstream', 'management', 'http', 'api', 'portal', 'gateway', 'cluster', 'admin-cli'] as const

/** And what a program of others wrote. */
const NOT_OURS = new Set(['node_modules', 'dist', '.git', 'generated-client.ts'])

/** All TypeScript of the project, tests too, sorted by path. `root` is the directory of the repository. */
export function readSources(root: string): Source[] {
  return globSync('**/*.ts', { cwd: root, exclude: name => NOT_OURS.has(name) })
    .sort()
    .map(path => ({ path, text: readFileSync(joinPath(root, path), 'utf8') }))
}

/** The folder at the root; '' for a file that stands there itself. */
export const areaOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')
/** A test, or what only tests use. */
export const isTest = (path: string): boolean => /(\.test|-fixture)\.ts$/.test(path) || areaOf(path) === 'test'
export const isProduct = (path: string): boolean => (PRODUCT as readonly string[]).includes(areaOf(path)) && !isTest(path)

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')

/** The text with comments blanked out, so that positions stay what they are. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(?<=^|[\s;,{(])\/\/.*$/gm, blank)
}

/** The comments alone, the code blanked out. */
export function onlyComments(text: string): string {
  const code = withoutComments(text)
  return Array.from(text, (char, at) => (char === '\n' || code[at] !== char ? char : ' ')).join('')
}

const IMPORTS = [/(?<=^|\n)\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]/g, /(?<=^|\n)\s*import\s*['"]([^'"]+)['"]/g, /\bimport\(\s*['"]([^'"]+)['"]/g]

export function importsOf(text: string): Import[] {
  const code = withoutComments(text)
  return IMPORTS.flatMap(form =>
    Array.from(code.matchAll(form), match => ({
      target: match[1] ?? '',
      at: match.index + match[0].length,
      isTypeOnly: /^\s*(?:import|export)\s+type\s/.test(match[0]),
    })),
  )
}

/** The file that a relative import of `path` means, relative to the root; undefined for a package or a module of Node. */
export function fileOf(path: string, target: string): string | undefined {
  return target.startsWith('.') ? normalize(join(dirname(path), target)) : undefined
}

/** `lru-cache` of `lru-cache/x`, `@a/b` of `@a/b/c`; undefined for a file of ours or a module of Node. */
export function packageOf(target: string): string | undefined {
  if (target.startsWith('.') || target.startsWith('node:') || builtinModules.includes(target)) return undefined
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
}
