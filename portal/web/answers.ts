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

export function addCookies(response: Response, cookies: readonly Cookie[]): Response {
  for (const cookie of cookies) if (cookie !== undefined) response.headers.append('set-cookie', cookie)
  return response
}

/** SECURITY: only a path of ours, never another site: `//host`, `/\host` and control characters lead elsewhere. */
export function ownPath(text: string): string {
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text) && text.length <= 2_000 ? text : links.home
}
