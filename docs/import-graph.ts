/** Who imports whom, as a graph: of files, or of whatever files are gathered into. Finds circles, and leaves out arrows that others imply. */
import { fileOf, importsOf, type Source } from './source-files.ts'

/** Node → the nodes that it imports, both sorted. */
export type Graph = ReadonlyMap<string, readonly string[]>

/** `nodeOf` gathers files into nodes; undefined leaves a file out. Imports within a node are left out. */
export function buildGraph(sources: readonly Source[], nodeOf: (path: string) => string | undefined = path => path): Graph {
  const edges = new Map<string, Set<string>>()
  for (const { path, text } of sources) {
    const node = nodeOf(path)
    if (node === undefined) continue
    const targets = edges.get(node) ?? new Set()
    edges.set(node, targets)
    for (const { target } of importsOf(text)) {
      const file = fileOf(path, target)
      const other = file === undefined ? undefined : nodeOf(file)
      if (other !== undefined && other !== node) targets.add(other)
    }
  }
  return new Map([...edges].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, targets]) => [node, [...targets].sort()]))
}

/** Each circle once, as the way round: `a`, `b`, `a`. None: the graph goes one way. */
export function findCircles(graph: Graph): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): void => {
    const at = path.indexOf(node)
    if (at !== -1) {
      circles.push([...path.slice(at), node])
      return
    }
    if (done.has(node)) return
    for (const target of graph.get(node) ?? []) visit(target, [...path, node])
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return circles
}

/** Without the arrows that a longer way implies. For graphs without circles. */
export function withoutImpliedArrows(graph: Graph): Graph {
  return new Map(
    [...graph].map(([node, targets]) => [node, targets.filter(target => !targets.some(other => other !== target && isReachable(graph, other, target)))]),
  )
}

function isReachable(graph: Graph, from: string, to: string): boolean {
  return (graph.get(from) ?? []).some(next => next === to || isReachable(graph, next, to))
}
