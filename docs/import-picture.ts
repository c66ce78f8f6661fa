/**
 * The pictures in docs/architecture.md: the areas and, for each area with folders, what is in it, with import arrows. Made by `npm run architecture`
 * and `npm run docs`. Arrows that a longer way implies are left out, so that a picture shows the order and rarely changes.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildGraph, findCircles, type Graph, withoutImpliedArrows } from './import-graph.ts'
import { areaOf, isProduct, PRODUCT, type Source } from './source-files.ts'

const BEGIN = '<!-- Made by `npm run architecture` from the imports. Edits here are lost. -->\n'
const END = '<!-- The end of what is made from the imports. -->\n'

/** docs/architecture.md with its pictures made anew; the rest of the page is written by hand. */
export function formatArchitecturePage(root: string, sources: readonly Source[]): string {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`docs/architecture.md has no place for its pictures: between ${BEGIN}and ${END}`)
  return `${before}${BEGIN}\n${formatPictures(sources)}\n${END}${after}`
}

function formatPictures(sources: readonly Source[]): string {
  const inner = PRODUCT.map(area => [`Inside ${area}/`, insideOf(sources, area)] as const).filter(([, graph]) => graph.size > 1)
  return [['The areas', areasOf(sources)] as const, ...inner]
    .map(([title, graph]) => `**${title}**\n\n\`\`\`mermaid\n${formatMermaid(withoutImpliedArrows(graph))}\`\`\`\n`)
    .join('\n')
}

/** The tree of folders with every arrow, as text for the terminal. */
export function formatTree(sources: readonly Source[]): string {
  const areas = areasOf(sources)
  const lines = PRODUCT.filter(area => areas.has(area)).flatMap(area => {
    const nodes = nodesOf(sources, area)
    const all = buildGraph(productOf(sources), path => (areaOf(path) === area ? nodes(path) : folderOf(path)))
    const inner = [...insideOf(sources, area).keys()]
    return [
      formatLine(
        `${area}/`,
        areas.get(area)?.map(other => `${other}/`),
      ),
      ...inner.map(node => formatLine(`  ${node}`, all.get(node))),
    ]
  })
  return `${lines.join('\n')}\n`
}

const formatLine = (node: string, targets: readonly string[] = []): string =>
  `${node.padEnd(22)}${targets.length === 0 ? '' : `→ ${targets.join(' ')}`}`.trimEnd()

const productOf = (sources: readonly Source[]): Source[] => sources.filter(({ path }) => isProduct(path) && !path.endsWith('.d.ts'))

const areasOf = (sources: readonly Source[]): Graph => buildGraph(productOf(sources), areaOf)

const folderOf = (path: string): string => `${path.split('/').slice(0, -1).join('/')}/`

/** The folders of an area, and the files beside them; empty for an area without folders. */
export function insideOf(sources: readonly Source[], area: string): Graph {
  const nodes = nodesOf(sources, area)
  const graph = buildGraph(productOf(sources), path => (areaOf(path) === area ? nodes(path) : undefined))
  return [...graph.keys()].some(node => node.endsWith('/')) ? graph : new Map()
}

/** Files beside the folders are one node, or each its own where some stand above the folders and some below. */
function nodesOf(sources: readonly Source[], area: string): (path: string) => string {
  const inner = (path: string, lone: (name: string) => string): string => {
    const [, first = '', second] = path.split('/')
    return second === undefined ? lone(first) : `${first}/`
  }
  const gathered = (path: string): string => inner(path, () => '*.ts')
  const isOneWay = findCircles(buildGraph(productOf(sources), path => (areaOf(path) === area ? gathered(path) : undefined))).length === 0
  return isOneWay ? gathered : path => inner(path, name => name)
}

function formatMermaid(graph: Graph): string {
  const idOf = (node: string): string => node.replace(/[^a-z0-9]+/gi, '_')
  const nodes = [...graph.keys()].map(node => `  ${idOf(node)}["${node}"]\n`)
  const arrows = [...graph].flatMap(([node, targets]) => targets.map(target => `  ${idOf(node)} --> ${idOf(target)}\n`))
  return `flowchart TD\n${nodes.join('')}${arrows.join('')}`
}
