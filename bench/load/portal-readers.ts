/**
 * People with browsers: each signs in, and clicks through all pages in an order of their own, with time to read between. A click is measured from the
 * request to the last byte of the answer.
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PortalStoreSize, Reader } from '../peers/portal-store.ts'
import { isForReader, listClicks } from './portal-clicks.ts'

export interface ClicksJob {
  readonly kind: 'clicks'
  /** Of the portal, plain. */
  readonly portalPort: number
  readonly password: string
  readonly size: PortalStoreSize
  readonly readers: readonly Reader[]
  readonly seconds: number
  /** On the average, between two pages. */
  readonly thinkMs: number
  /** The first of them downloads this again and again meanwhile, as fast as it comes. */
  readonly download: string
}

interface Answer {
  readonly status: number
  readonly cookies: readonly string[]
}

/** Without a limit on the connections: people do not wait for each other. */
const agent = new Agent({ keepAlive: true })

const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'

class Browser {
  readonly reader: Reader
  readonly #port: number
  readonly #cookies = new Map<string, string>()

  constructor(reader: Reader, port: number) {
    this.reader = reader
    this.#port = port
  }

  async signIn(password: string): Promise<void> {
    const body = new URLSearchParams({ login: this.reader.login, password }).toString()
    const { status } = await this.#ask('POST', '/sign-in', body)
    if (status !== 303) throw new Error(`${this.reader.login} could not sign in: ${status}`)
  }

  /** Throws when the portal failed. */
  async open(path: string): Promise<void> {
    const { status } = await this.#ask('GET', path)
    if (status >= 500 || status === 401) throw new Error(`${path}: ${status}`)
  }

  /** As much of it as comes until then; gives how many bytes. */
  download(path: string, until: number): Promise<number> {
    const headers = { cookie: this.#cookieLine(), 'user-agent': AGENT }
    return new Promise((resolve, reject) => {
      let bytes = 0
      const asked = request({ host: '127.0.0.1', port: this.#port, path, headers }, response => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`))
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (performance.now() > until) asked.destroy()
        })
        response.on('close', () => resolve(bytes))
      })
      asked.on('error', error => (performance.now() > until ? resolve(bytes) : reject(error)))
      asked.end()
    })
  }

  #cookieLine(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async #ask(method: string, path: string, body?: string): Promise<Answer> {
    const cookie = this.#cookieLine()
    const headers = {
      'accept-language': 'en',
      'user-agent': AGENT,
      'sec-fetch-site': 'same-origin',
      ...(cookie !== '' && { cookie }),
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
    }
    const answer = await new Promise<Answer>((resolve, reject) => {
      const asked = request({ agent, host: '127.0.0.1', port: this.#port, method, path, headers }, response => {
        response.resume()
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, cookies: response.headers['set-cookie'] ?? [] }))
      })
      asked.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that was closed a moment ago: browsers ask again, too.
        if (asked.reusedSocket && error.code === 'ECONNRESET') resolve(this.#ask(method, path, body))
        else reject(error)
      })
      asked.end(body)
    })
    for (const line of answer.cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      // Of cookies with a path of their own none matters here.
      if (!/path=\/[^;]/i.test(line)) this.#cookies.set(name, value)
    }
    return answer
  }
}

/** In place of a pattern: of all pages together. */
export const ALL = 'all'

/** Signs everybody in; gives what clicks, and then figures by page: `n`, `p50`, `p95`, `max` with the pattern behind them. */
export async function prepareClicks({
  portalPort,
  password,
  size,
  readers,
  seconds,
  thinkMs,
  download,
}: ClicksJob): Promise<() => Promise<Record<string, number>>> {
  const browsers = readers.map(reader => new Browser(reader, portalPort))
  for (const browser of browsers) await browser.signIn(password)
  const clicks = listClicks()
  return async () => {
    const found = new Map<string, number[]>(clicks.map(({ pattern }) => [pattern, []]))
    const until = performance.now() + seconds * 1_000
    const read = async (browser: Browser, number: number): Promise<void> => {
      const { reader } = browser
      const own = clicks.filter(({ pattern }) => isForReader(pattern, reader))
      await sleep(Math.random() * thinkMs)
      for (let at = number * 7; performance.now() < until; at++) {
        const { pattern, click } = own[at % own.length] as (typeof own)[number]
        const path = click({ reader, size, one: items => items[Math.floor(Math.random() * items.length)] as (typeof items)[number] })
        const from = performance.now()
        await browser.open(path)
        found.get(pattern)?.push(performance.now() - from)
        await sleep(thinkMs / 2 + Math.random() * thinkMs)
      }
    }
    const [first, ...others] = browsers
    let [bytes, downloadedMs] = [0, 0]
    const downloadAll = async (): Promise<void> => {
      while (first !== undefined && performance.now() < until) {
        const from = performance.now()
        bytes += await first.download(download, until)
        downloadedMs += performance.now() - from
      }
    }
    await Promise.all([downloadAll(), ...others.map(read)])
    return Object.fromEntries(
      [...found, [ALL, [...found.values()].flat()] as const]
        .flatMap(([pattern, millis]) => figuresOf(pattern, millis))
        .concat([['downloaded MB/s', bytes / 1_000 / Math.max(1, downloadedMs)]]),
    )
  }
}

function figuresOf(pattern: string, millis: readonly number[]): [string, number][] {
  if (millis.length === 0) return []
  const sorted = millis.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return [
    [`n ${pattern}`, sorted.length],
    [`p50 ${pattern}`, at(0.5)],
    [`p95 ${pattern}`, at(0.95)],
    [`max ${pattern}`, at(1)],
  ]
}
