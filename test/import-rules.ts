/**
 * Who may import whom: between areas, between the folders of an area, and never in a circle. `architecture.test.ts` runs these rules over the
 * tree and proves that each one fires; docs/architecture.md has the picture.
 */

import { buildGraph, findCircles } from '../docs/import-graph.ts'
import { areaOf, fileOf, importsOf, isTest, type Source } from '../docs/source-files.ts'
import type { Rule } from './architecture-rules.ts'

/** The areas, and what code in each may import besides its own area. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ['base'],
  certs: ['base', 'config'],
  store: ['base', 'config'],
  upstream: ['base', 'config', 'certs', 'store'],
  management: ['base', 'config', 'store', 'upstream'],
  http: ['base', 'certs'],
  api: ['base', 'config', 'http', 'management', 'store'],
  portal: ['base', 'config', 'certs', 'http', 'api', 'management', 'store'],
  gateway: ['base', 'config', 'certs', 'store', 'upstream'],
  cluster: ['base', 'config', 'certs', 'gateway'],
  'admin-cli': ['base', 'config', 'certs', 'store', 'upstream', 'management', 'http', 'api', 'portal', 'gateway', 'cluster'],
  bin: ['config'],
  docs: ['base', 'config', 'store', 'upstream', 'management', 'http', 'api', 'portal', 'gateway', 'cluster', 'admin-cli'],
  bench: ['base', 'config', 'certs', 'store', 'upstream', 'management', 'portal', 'gateway', 'cluster'],
  test: ['base', 'config', 'certs', 'store', 'upstream', 'management', 'http', 'api', 'portal', 'gateway', 'cluster', 'admin-cli', 'docs', 'bench'],
}

/** All that admin-cli/ sees of these areas: what starts each. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  gateway: ['gateway/gateway.ts'],
  cluster: ['cluster/supervisor.ts', 'cluster/service-manager.ts'],
  portal: ['portal/portal.ts'],
}

/** Of these areas only the types: what runs comes from the areas between. */
const TYPES_ONLY: Readonly<Record<string, string>> = { api: 'store' }

/**
 * The folders of an area, and the files beside them, from the lowest on. A folder imports from those before it, never from one of its own step:
 * so imap/ and smtp/ do not know each other. `*.ts`: all files beside the folders. What has no step here is found too.
 */
const STEPS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  store: [
    ['schema'],
    ['sqlite', 'postgres', 'passwords', 'keys'],
    ['store-context.ts', 'open-backend.ts', 'server-clock.ts'],
    ['sending', 'limits', 'maintenance', 'notices'],
    ['accounts'],
    ['history', 'transfer', 'sign-in'],
    // Its writer also deletes what is over, whoever keeps it.
    ['gateway-side'],
    ['open-store.ts'],
  ],
  upstream: [['oauth'], ['*.ts'], ['imap', 'smtp'], ['probe']],
  gateway: [
    ['limits.ts'],
    ['machine', 'wire'],
    ['abuse'],
    ['sessions'],
    ['monitoring'],
    ['listen'],
    ['login'],
    ['imap', 'smtp'],
    ['lifecycle'],
    ['process-parts.ts'],
    ['mail-service.ts'],
    ['gateway.ts'],
  ],
}

function stepOf(file: string): { readonly name: string; readonly step: number } | undefined {
  const [area = '', first = '', second] = file.split('/')
  const steps = STEPS[area]
  if (steps === undefined) return undefined
  const own = steps.findIndex(step => step.includes(first))
  return { name: first, step: own === -1 && second === undefined ? steps.findIndex(step => step.includes('*.ts')) : own }
}

/** Why code in `file` may not import `other`; undefined: it may. */
function objectionTo(file: string, other: string, isTypeOnly: boolean): string | undefined {
  const [area, otherArea] = [areaOf(file), areaOf(other)]
  if (!isTest(file) && isTest(other)) return 'which is a test'
  const allowed = MAY_IMPORT[isTest(file) ? 'test' : area]
  if (otherArea !== area && allowed !== undefined && !allowed.includes(otherArea)) return `${area}/ may not import ${otherArea}/`
  if (isTest(file)) return undefined
  if (TYPES_ONLY[area] === otherArea && !isTypeOnly) return `of ${otherArea}/ ${area}/ imports types only`
  const entries = ENTRIES[otherArea]
  if (area === 'admin-cli' && entries !== undefined && !entries.includes(other)) return `of ${otherArea}/ admin-cli/ imports ${entries.join(', ')}`
  const [from, to] = [stepOf(file), stepOf(other)]
  if (otherArea !== area || from === undefined || to === undefined || from.name === to.name) return undefined
  if (STEPS[area]?.[from.step]?.includes('*.ts') && from.step === to.step) return undefined
  return from.step > to.step ? undefined : `inside ${area}/ ${from.name} does not stand above ${to.name}`
}

export const importDirection: Rule = {
  says: 'Imports go one way, between areas and between the folders of an area: see the tables in test/import-rules.ts. Move what both need down, or hand it in as a value.',
  check(source) {
    const { path, text } = source
    const area = areaOf(path)
    if (area === '') return []
    if (!Object.hasOwn(MAY_IMPORT, area)) return [`${path}: ${area}/ has no row in MAY_IMPORT`]
    if (!isTest(path) && stepOf(path)?.step === -1) return [`${path}: has no step in STEPS`]
    return importsOf(text).flatMap(({ target, at, isTypeOnly }) => {
      const other = fileOf(path, target)
      const objection = other === undefined ? undefined : objectionTo(path, other, isTypeOnly)
      return objection === undefined ? [] : [`${path}:${text.slice(0, at).split('\n').length}: imports ${other}: ${objection}`]
    })
  },
}

export const NO_CIRCLES =
  'Imports never go in a circle, neither of files nor of folders. Move what the two share into a file below both, or hand it in as a value.'

/** Circles of files, and circles of the folders of one area (a file beside the folders counts as one). */
export function findImportCircles(sources: readonly Source[]): string[] {
  const folder = (path: string): string => path.split('/').slice(0, 2).join('/')
  const product = sources.filter(({ path }) => !isTest(path))
  const circles = [buildGraph(sources), buildGraph(product, folder)].flatMap(findCircles)
  return [...new Set(circles.map(circle => circle.join(' → ')))]
}
