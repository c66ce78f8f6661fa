/** What a line of `routes.ts` says. */
import type { Rule } from './access.ts'
import type { Handler, SignedInRequest, VisitorHandler } from './page-request.ts'

interface Common {
  readonly method: 'GET' | 'POST'
  /** As `/m/:m/devices/:d`. */
  readonly path: string
}

export interface OpenRoute extends Common {
  readonly who: 'public'
  readonly run: VisitorHandler
}

/** What is demanded of whoever is signed in before the handler runs. */
export interface Demands {
  /** Who one is was confirmed within five minutes; what for, in the words of the page that asks. A function: only when this request needs it. */
  readonly confirm?: 'password' | 'rights' | ((request: SignedInRequest) => Promise<'password' | 'rights' | undefined>)
  /** What would be wrong anyway is said before anybody is asked who they are. */
  readonly check?: (request: SignedInRequest) => Promise<Response | undefined>
  /** The form carries a token, and what it makes is made once: its handler takes the token (`once.ts`). */
  readonly once?: true
  /** Also for somebody who first has to set up a second factor. */
  readonly beforeFactor?: true
  /** Where the form of this POST is shown, as a path of this list; its own when left out. */
  readonly form?: string
}

export interface SignedInRoute extends Common, Demands {
  readonly who: Exclude<Rule, 'public'>
  readonly run: Handler
}

export type Route = OpenRoute | SignedInRoute

export const visit = (method: Common['method'], path: string, run: VisitorHandler): OpenRoute => ({ method, path, who: 'public', run })
export const route = (method: Common['method'], path: string, who: Exclude<Rule, 'public'>, run: Handler, demands: Demands = {}): SignedInRoute => ({
  method,
  path,
  who,
  run,
  ...demands,
})

/** A path of `links.ts` as a pattern: `links.device(':m', ':d')` is `/m/:m/devices/:d`. */
export const pattern = (link: string): string => link.replaceAll('%3A', ':')

/** The pattern with the values of a request. */
export function fill(path: string, param: (name: string) => string): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(param(name)))
}

export interface Match {
  readonly route: Route
  readonly params: ReadonlyMap<string, string>
}

/** The first that fits; a segment of the pattern that begins with a colon takes any one segment. */
export function findRoute(routes: readonly Route[], method: string, path: string): Match | undefined {
  const segments = path.split('/')
  for (const route of routes) {
    if (route.method !== method) continue
    const params = matchSegments(route.path.split('/'), segments)
    if (params !== undefined) return { route, params }
  }
  return undefined
}

/** RFC 9110 §10.2.1: with which methods a path is asked; none: there is no such path. */
export function methodsAt(routes: readonly Route[], path: string): readonly string[] {
  const known = (['GET', 'POST'] as const).filter(method => findRoute(routes, method, path) !== undefined)
  return known.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}

/** Where whoever sent a form to this path finds it again; undefined: nothing there is to be read. */
export function pageOf(routes: readonly Route[], path: string): string | undefined {
  const posted = findRoute(routes, 'POST', path)
  const form = posted === undefined || posted.route.who === 'public' ? undefined : posted.route.form
  if (form !== undefined) return fill(form, name => posted?.params.get(name) ?? '')
  return findRoute(routes, 'GET', path) === undefined ? undefined : path
}

function matchSegments(wanted: readonly string[], segments: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (wanted.length !== segments.length) return undefined
  const params = new Map<string, string>()
  for (const [at, segment] of segments.entries()) {
    const part = wanted[at] ?? ''
    if (!part.startsWith(':')) {
      if (part !== segment) return undefined
      continue
    }
    const value = decode(segment)
    if (value === undefined || value === '') return undefined
    params.set(part.slice(1), value)
  }
  return params
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
