/**
 * What every answer of the web side carries, and which requests it takes at all.
 *
 * SECURITY: three walls stand in front of every page and every API route. The Content-Security-Policy has no `unsafe-` and no other origin.
 * A request that names another host than ours is not answered. A request that changes something must come from our own pages: by
 * Sec-Fetch-Site, and where a browser sends none, by Origin; whatever its content type, since `hono/csrf` looks at forms only.
 */
import type { Context, MiddlewareHandler } from 'hono'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self)',
}

/** Two years, as browsers' lists ask for. */
const HSTS = 'max-age=63072000'

/** `origin`: what people type, such as `https://devices.example.com`. Pages are not kept by anybody unless their route says otherwise. */
export function securityHeaders(origin: string): MiddlewareHandler {
  const isSecure = origin.startsWith('https:')
  return async (context, next) => {
    await next()
    const { headers } = context.res
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value)
    if (isSecure) headers.set('strict-transport-security', HSTS)
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  }
}

/** What whoever is refused reads. */
export type Refuse = (context: Context) => Response

/** RFC 9110 §7.4: a request for another host is misdirected (421). Links and cookies never depend on what a client wrote there. */
export function ownHostOnly(origin: string, refuse: Refuse): MiddlewareHandler {
  const { host, hostname } = new URL(origin)
  return async (context, next) => {
    // RFC 9112 §3.2.2: a target in absolute form names the host; what the header says beside it does not count.
    const asked = [context.req.header('host')?.toLowerCase(), new URL(context.req.url).host]
    // A reverse proxy may pass the name on without the port.
    return asked.every(name => name === host || name === hostname) ? next() : refuse(context)
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD'])

/** Refuses (403) what another site's page has a browser send. Requests that carry no cookie by nature (`isExempt`) are let through. */
export function sameOriginOnly(origin: string, isExempt: (request: Request) => boolean, refuse: Refuse): MiddlewareHandler {
  return async (context, next) => {
    const { raw } = context.req
    if (SAFE_METHODS.has(raw.method) || isExempt(raw)) return next()
    const site = raw.headers.get('sec-fetch-site')
    const isOurs = site === null ? raw.headers.get('origin') === origin : site === 'same-origin'
    return isOurs ? next() : refuse(context)
  }
}
