import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { ownHostOnly, sameOriginOnly, securityHeaders } from './security-headers.ts'

const ORIGIN = 'https://devices.example.com'

function open(origin = ORIGIN) {
  const app = new Hono()
  app.use(
    securityHeaders(origin),
    ownHostOnly(origin, context => context.text('', 421)),
    sameOriginOnly(
      origin,
      request => request.headers.has('authorization'),
      context => context.text('', 403),
    ),
  )
  app.all('*', context => context.text('reached'))
  const { host } = new URL(origin)
  return (init: RequestInit & { readonly path?: string } = {}) =>
    Promise.resolve(app.request(`${origin}${init.path ?? '/'}`, { ...init, headers: { host, ...(init.headers as Record<string, string>) } }))
}

describe('a request that changes something', () => {
  const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
  const types = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', 'application/json', 'application/csp-report', '']
  const origins: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
    ['our page', { 'sec-fetch-site': 'same-origin', origin: ORIGIN }, 200],
    ['our page in a browser without Sec-Fetch', { origin: ORIGIN }, 200],
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
    ['another site of our domain', { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }, 403],
    ['another site that says it is ours', { 'sec-fetch-site': 'cross-site', origin: ORIGIN }, 403],
    ['a sandboxed frame', { 'sec-fetch-site': 'cross-site', origin: 'null' }, 403],
    ['a bookmark', { 'sec-fetch-site': 'none' }, 403],
    ['another port', { origin: `${ORIGIN}:8443` }, 403],
    ['the same name over http', { origin: 'http://devices.example.com' }, 403],
    ['a longer name', { origin: `${ORIGIN}.evil.example` }, 403],
    ['nobody', {}, 403],
    ['a token', { authorization: 'Bearer mwt_x' }, 200],
  ]
  const cases = methods.flatMap(method => types.flatMap(type => origins.map(([name, headers, status]) => [method, type, name, headers, status] as const)))

  test.each(cases)('%s %s from %s', async (method, type, _name, headers, status) => {
    const response = await open()({
      method,
      ...(method === 'OPTIONS' ? {} : { body: '{}' }),
      headers: { ...(type === '' ? {} : { 'content-type': type }), ...headers },
    })
    expect(response.status).toBe(status)
  })
})

test('reading from elsewhere is allowed: links lead here', async () => {
  for (const method of ['GET', 'HEAD']) expect((await open()({ method, headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(200)
})

test.each([
  ['devices.example.com', 200],
  ['DEVICES.example.com', 200],
  ['evil.example', 421],
  ['devices.example.com.evil.example', 421],
  ['devices.example.com@evil.example', 421],
  ['devices.example.com:25', 421],
  ['', 421],
])('the host %s', async (host, status) => {
  expect((await open()({ headers: { host } })).status).toBe(status)
})

test('the name alone is ours too where the URL has a port', async () => {
  const ask = open('http://localhost:8080')
  expect((await ask({ headers: { host: 'localhost:8080' } })).status).toBe(200)
  expect((await ask({ headers: { host: 'localhost' } })).status).toBe(200)
})

test('every answer carries the headers, also refusals and what is not there', async () => {
  for (const init of [{}, { method: 'POST' }, { headers: { host: 'evil.example' } }, { path: '/nothing' }]) {
    const { headers } = await open()(init)
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}$/)
  }
  expect((await open('http://localhost:8080')()).headers.get('strict-transport-security')).toBeNull()
})
