/**
 * `npm run bench`: the rows of the speed table, each as a ratio of one run, and growth curves, with the raw figures.
 *
 *   node bench/run.ts [--only NAME,NAME] [--quick] [--rounds N] [--against DIR]
 *
 * What was measured is left in bench/results/; bench/RESULTS.md and the pictures are made anew of all that lies there. `--quick` is five
 * minutes of everything but the portal, and `--against DIR` measures another tree of ours in the same rounds: both only print.
 * `node bench/soak.ts` is a run of its own: the memory after a day's worth of logins. Needs root: nginx and Dovecot drop to users of their own.
 */
import { parseArgs } from 'node:util'
import { readFacts, readLoad } from './machine-facts.ts'
import { measureDevices } from './measures/devices.ts'
import { measureDownload } from './measures/download.ts'
import { measureFlood } from './measures/flood.ts'
import { measureIdleSessions } from './measures/idle-sessions.ts'
import { measureLogin } from './measures/login.ts'
import { measureLoginTime } from './measures/login-time.ts'
import { measureMemory } from './measures/memory.ts'
import { measurePortal } from './measures/portal.ts'
import { measureRefusals } from './measures/refusals.ts'
import { measureRevocation } from './measures/revocation.ts'
import { measureRoundTrip } from './measures/round-trip.ts'
import { measureSubmission } from './measures/submission.ts'
import { measureTransfers } from './measures/transfers.ts'
import { measureWorkers } from './measures/workers.ts'
import { NAMES, type Name, NOT_QUICK } from './names.ts'
import { bareNode } from './peers/bare-node.ts'
import { makeCertificate } from './peers/certificate.ts'
import { dovecotProxy } from './peers/dovecot.ts'
import { mailwicket, mailwicketBefore } from './peers/mailwicket.ts'
import { nginxMail, nginxStream } from './peers/nginx.ts'
import type { Certificate, Peer, PeerKind, PeerName, Upstream } from './peers/peer.ts'
import { startUpstream } from './peers/upstream.ts'
import { formatTable, type ResultRow } from './result-row.ts'
import { writeResult, writeWhatFollows } from './results.ts'
import type { Extent } from './rounds.ts'
import { Workbench } from './workbench.ts'

/** What a measurement may need. Long-running peers are shared; the memory of a process that has worked before says little. */
class Field {
  readonly bench: Workbench
  readonly upstream: Upstream
  readonly certificate: Certificate
  readonly extent: Extent
  readonly kinds: readonly PeerKind[]
  readonly #before: string | undefined
  readonly #running = new Map<PeerName, Promise<Peer>>()

  constructor(bench: Workbench, upstream: Upstream, certificate: Certificate, extent: Extent, before: string | undefined) {
    this.bench = bench
    this.upstream = upstream
    this.certificate = certificate
    this.extent = extent
    this.#before = before
    this.kinds = [...this.oursAndBare(upstream), ...[nginxMail, dovecotProxy, nginxStream].map(kind => kind(bench, upstream, certificate))]
  }

  /** Ours, and the tree before it when one is named. */
  ours(upstream: Upstream): PeerKind[] {
    const { bench, certificate } = this
    const before = this.#before === undefined ? [] : [mailwicketBefore(this.#before, bench, upstream, certificate)]
    return [mailwicket(bench, upstream, certificate), ...before]
  }

  /** They, and a bare Node relay. */
  oursAndBare(upstream: Upstream): PeerKind[] {
    return [...this.ours(upstream), bareNode(this.bench, upstream, this.certificate)]
  }

  running(kind: PeerKind): Promise<Peer> {
    const peer = this.#running.get(kind.name) ?? kind.start()
    this.#running.set(kind.name, peer)
    return peer
  }

  all(): Promise<Peer[]> {
    return Promise.all(this.kinds.map(kind => this.running(kind)))
  }
}

const measurements: { readonly [N in Name]: (field: Field) => Promise<ResultRow[]> } = {
  download: async field => measureDownload(await field.all(), field.extent),
  transfers: async field => measureTransfers(field.bench, field.upstream, await field.all(), field.certificate, field.extent, upstream => field.ours(upstream)),
  submission: field => measureSubmission(field.bench, field.certificate, field.extent, upstream => field.oursAndBare(upstream)),
  login: async field => measureLogin(await field.all(), field.extent),
  'round-trip': async field => measureRoundTrip(await field.all(), field.extent),
  memory: field => measureMemory(field.kinds, field.extent),
  refusals: async field => measureRefusals((await field.all())[0] as Peer, field.extent),
  'login-time': field => measureLoginTime(field.bench, field.upstream, field.certificate, field.extent),
  flood: field => measureFlood(field.bench, field.upstream, field.certificate, field.extent),
  workers: field => measureWorkers(field.bench, field.upstream, field.certificate, field.extent),
  'idle-sessions': field => measureIdleSessions(field.bench, field.certificate, field.extent),
  devices: field => measureDevices(field.bench, field.extent),
  revocation: field => measureRevocation(field.bench, field.certificate, field.extent),
  portal: field => measurePortal(field.bench, field.upstream, field.certificate, field.extent),
}

const ROOT = new URL('..', import.meta.url).pathname.slice(0, -1)
const ROUNDS = 3

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, rounds: { type: 'string' }, against: { type: 'string' } },
})
const wanted = options.only?.split(',') ?? (options.quick ? NAMES.filter(name => !NOT_QUICK.includes(name)) : NAMES)
const unknown = wanted.filter(name => !NAMES.includes(name as Name))
if (unknown.length > 0) fail(`--only takes names with commas between: ${NAMES.join(', ')}`)
if (process.getuid?.() !== 0) fail('the bench needs root: nginx and Dovecot start as root and drop to users of their own')
const rounds = Number(options.rounds ?? (options.quick ? 1 : ROUNDS))
if (!Number.isInteger(rounds) || rounds < 1) fail('--rounds takes a number')

const bench = new Workbench()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bench.close().then(() => process.exit(130)))
try {
  say('starting Dovecot, nginx and Mailwicket …')
  const field = new Field(bench, await startUpstream(bench), makeCertificate(bench), { rounds, isQuick: options.quick }, options.against)
  const rows: ResultRow[] = []
  const startedAt = performance.now()
  for (const name of NAMES.filter(one => wanted.includes(one))) {
    say(`measuring: ${name} …`)
    const load = readLoad()
    const from = performance.now()
    const found = await measurements[name](field)
    const facts = readFacts(load)
    rows.push(...found)
    for (const row of found)
      console.log([`\n## ${row.what}`, `${row.result} (goal: ${row.goal}; ${row.isReached ? 'reached' : 'NOT reached'})`, ...row.raw].join('\n'))
    console.log(`\n${name}: load ${facts.load.map(one => one.toFixed(1)).join(' before, ')} after, ${secondsSince(from)} s`)
    if (!options.quick && options.against === undefined) {
      writeResult(ROOT, { name, facts, rows: found })
      writeWhatFollows(ROOT)
    }
  }
  console.log(`\n${formatTable(rows).join('\n')}\n\n${secondsSince(startedAt)} s`)
} finally {
  await bench.close()
}

function secondsSince(from: number): string {
  return ((performance.now() - from) / 1_000).toFixed(0)
}

function say(text: string): void {
  console.error(`bench: ${text}`)
}

function fail(text: string): never {
  say(text)
  process.exit(2)
}
