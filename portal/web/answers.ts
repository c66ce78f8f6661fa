/** The answers of pages: a page, another place, JSON for a script of ours. */

import type { Html } from '../html.ts'
import { links } from '../links.ts'

type Cookie = string | undefined

export function showPage(page: Html, { status = 200, cookies = [] }: { readonly status?: number; readonly cookies?: readonly Cookie[] } = {}): Response {
  return new Response(String(page), { status, headers: withCookies({ 'content-type': 'text/html; charset=utf-8' }, cookies) })
}

/** After every POST that did something. RFC 9110 §15.4.4: the browser goes on with GET. */
export function seeOther(to: string, cookies: readonly Cookie[] = []): Response {
  return new Response(null, { status: 303, headers: withCookies({ location: to }, cookies) })
}

export function answerJson(value: unknown, { status = 200, cookies = [] }: { readonly status?: number; readonly cookies?: readonly Cookie[] } = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: withCookies({ 'content-type': 'application/json' }, cookies) })
}

function withCookies(headers: Record<string, string>, cookies: readonly Cookie[]): Headers {
  const all = new Headers(headers)
  for (const cookie of cookies) if (cookie !== undefined) all.append('set-cookie', cookie)
  return all
}

/** Around what a handler answered. RFC 6265 §4.1.1: a cookie is set once; what the handler said of it, such as a session renewed once more, is the later. */
export function addCookies(response: Response, cookies: readonly Cookie[]): Response {
  const said = new Set(response.headers.getSetCookie().map(placeOf))
  for (const cookie of cookies) if (cookie !== undefined && !said.has(placeOf(cookie))) response.headers.append('set-cookie', cookie)
  return response
}

/** Name and path: which cookie it is. */
const placeOf = (cookie: string): string => `${cookie.split('=', 1)[0]} ${/; Path=([^;]*)/.exec(cookie)?.[1]}`

/** SECURITY: only a path of ours, never another site: `//host`, `/\host` and control characters lead elsewhere. */
export function ownPath(text: string): string {
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text) && text.length <= 2_000 ? text : links.home
}
