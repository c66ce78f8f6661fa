/**
 * `npm run bench`: the rows of the design's speed table, each as a ratio of one run, with the raw figures.
 *
 *   node bench/run.ts [--only download|login|memory|round-trip|refusals|login-time|submission|transfers|flood|workers|portal] [--quick] [--against DIR]
 *
 * `node bench/soak.ts` is a run of its own: the memory after a day's worth of logins.
 * A whole run takes some minutes and writes bench/RESULTS.md; `--only` prints one measurement and writes nothing, and so does
 * `--quick` (100,000 devices in the large store in place of 1,000,000, and a tenth of the portal's).
 * `--against DIR` measures another tree of ours in the same rounds. Needs root: nginx and Dovecot drop to users of their own.
 */
import { parseArgs } from 'node:util'
import { measureDownload } from './measures/download.ts'
import { measureFlood } from './measures/flood.ts'
import { measureLogin } from './measures/login.ts'
import { measureLoginTime } from './measures/login-time.ts'
import { measureMemory } from './measures/memory.ts'
import { measurePortal } from './measures/portal.ts'
import { measureRefusals } from './measures/refusals.ts'
import { measureRoundTrip } from './measures/round-trip.ts'
import { measureSubmission } from './measures/submission.ts'
import { measureTransfers } from './measures/transfers.ts'
import { measureWorkers } from './measures/workers.ts'
import { bareNode } from './peers/bare-node.ts'
import { makeCertificate } from './peers/certificate.ts'
import { dovecotProxy, readDovecotVersion } from './peers/dovecot.ts'
import { mailwicket, mailwicketBefore, readMailwicketVersion } from './peers/mailwicket.ts'
import { nginxMail, nginxStream, readNginxVersion } from './peers/nginx.ts'
import type { Certificate, Peer, PeerKind, PeerName, Upstream } from './peers/peer.ts'
import { startUpstream } from './peers/upstream.ts'
import type { ResultRow } from './result-row.ts'
import { formatTable, writeResults } from './results-file.ts'
import { Workbench } from './workbench.ts'

const NAMES = ['download', 'login', 'round-trip', 'refusals', 'memory', 'login-time', 'submission', 'transfers', 'flood', 'workers', 'portal'] as const
type Name = (typeof NAMES)[number]

/** What a measurement may need. Long-running peers are shared; the memory of a process that has worked before says little. */
class Field {
  readonly bench: Workbench
  readonly upstream: Upstream
  readonly certificate: Certificate
  readonly largeStore: number
  readonly kinds: readonly PeerKind[]
  readonly #before: string | undefined
  readonly #running = new Map<PeerName, Promise<Peer>>()

  constructor(bench: Workbench, upstream: Upstream, certificate: Certificate, largeStore: number, before: string | undefined) {
    this.bench = bench
    this.upstream = upstream
    this.certificate = certificate
    this.largeStore = largeStore
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
  download: async field => measureDownload(await field.all()),
  login: async field => measureLogin(await field.all()),
  'round-trip': async field => measureRoundTrip(await field.all()),
  refusals: async field => measureRefusals((await field.all())[0] as Peer),
  memory: field => measureMemory(field.kinds),
  'login-time': field => measureLoginTime(field.bench, field.upstream, field.certificate, field.largeStore),
  submission: field => measureSubmission(field.bench, field.certificate, upstream => field.oursAndBare(upstream)),
  transfers: async field => measureTransfers(field.bench, field.upstream, await field.all(), field.certificate, upstream => field.ours(upstream)),
  flood: field => measureFlood(field.bench, field.upstream, field.certificate),
  workers: field => measureWorkers(field.bench, field.upstream, field.certificate),
  portal: field => measurePortal(field.bench, field.upstream, field.certificate, options.quick),
}

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, against: { type: 'string' } },
})
const names = options.only === undefined ? NAMES : NAMES.filter(name => name === options.only)
if (names.length === 0) fail(`--only takes one of: ${NAMES.join(', ')}`)
if (process.getuid?.() !== 0) fail('the bench needs root: nginx and Dovecot start as root and drop to users of their own')

const bench = new Workbench()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bench.close().then(() => process.exit(130)))
try {
  const largeStore = options.quick ? 100_000 : 1_000_000
  say('starting Dovecot, nginx and Mailwicket …')
  const field = new Field(bench, await startUpstream(bench), makeCertificate(bench), largeStore, options.against)
  const rows: ResultRow[] = []
  for (const name of names) {
    say(`measuring: ${name} …`)
    const found = await measurements[name](field)
    rows.push(...found)
    for (const row of found)
      console.log([`\n## ${row.what}`, `${row.result} (goal: ${row.goal}; ${row.isReached ? 'reached' : 'NOT reached'})`, ...row.raw].join('\n'))
  }
  console.log(`\n${formatTable(rows).join('\n')}`)
  if (options.only === undefined && !options.quick) {
    writeResults(rows, [readMailwicketVersion(), readNginxVersion(), readDovecotVersion()], largeStore)
    say('written to bench/RESULTS.md')
  }
} finally {
  await bench.close()
}

function say(text: string): void {
  console.error(`bench: ${text}`)
}

function fail(text: string): never {
  say(text)
  process.exit(2)
}
