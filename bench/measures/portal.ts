/**
 * Fifty people click through all pages of the portal over a large store, while a flood of wrong secrets runs at the mail port and one of them
 * downloads the whole activity: how long each page takes, and what a mail login notices of them.
 */
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'
import { ALL, type ClicksJob } from '../load/portal-readers.ts'
import { type Figures, type Job, prepareLoad, runLoad } from '../load/run-load.ts'
import { Installation } from '../peers/mailwicket.ts'
import { BENCH_USER, type Certificate, type Upstream } from '../peers/peer.ts'
import { addReaders, fillPortalStore, PORTAL_STORE, type PortalStoreSize } from '../peers/portal-store.ts'
import { findProcess, readCpuMs, readResidentKiB } from '../process-usage.ts'
import { formatNumber, type ResultRow } from '../result-row.ts'
import type { Extent } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

const PASSWORD = 'a password of all readers'
const READERS = { administrator: 10, manager: 25, owner: 15 } as const
const MEDIAN_MS = 100
const P95_MS = 250
/** What the logins of one run differ by from those of the next, on a machine that does other things too. */
const NOISE = 1.5
/** Twenty clicks on each page; the time before warms it. */
const SECONDS = 120
const WARM_SECONDS = 50
/** Who looks for something reads a page for some seconds, who works with it for longer: 50 people who are all busy are ten pages a second. */
const THINK_MS = 5_000
const LOGINS = { kind: 'loginPace', count: 400, pauseMs: 50 } as const satisfies Job
const FLOOD: Job = { kind: 'flood', addresses: 1_000, connectionsEach: 2 }

interface Phase {
  readonly name: string
  readonly login: Figures
  /** Of a core. */
  readonly gateway: number
  readonly portal: number
  readonly portalMiB: number
  readonly seconds: number
}

interface Measured {
  readonly phase: Phase
  readonly pages: Figures
}

/** Quick: a small store for a moment, to see that it runs. */
export async function measurePortal(bench: Workbench, upstream: Upstream, certificate: Certificate, { isQuick }: Extent): Promise<ResultRow[]> {
  const installation = new Installation(bench, 'portal', upstream, certificate)
  const secret = installation.addMailbox(BENCH_USER)
  const phc = await new PasswordHasher().hash(Secret.fromText(PASSWORD))
  const size = isQuick ? { ...PORTAL_STORE, mailboxes: 10_000, people: 1_000, activity: 60_000, sessions: 500 } : PORTAL_STORE
  let readers: ClicksJob['readers'] = []
  installation.fill(database => {
    fillPortalStore(database, size, Date.now())
    readers = addReaders(database, size, phc, READERS, Date.now())
  })
  const portalPort = await bench.freePort()
  const peer = await installation.servePeer(secret, { portalPort })
  const { program } = peer
  const portalPid = findProcess(program.pid, 'portal-main')
  const clicks: ClicksJob = {
    kind: 'clicks',
    portalPort,
    password: PASSWORD,
    size,
    readers,
    seconds: SECONDS,
    thinkMs: THINK_MS,
    download: '/activity.csv',
  }

  const measure = async (name: string, seconds: number): Promise<Measured> => {
    const clicking = seconds === 0 ? undefined : await prepareLoad(peer, { ...clicks, seconds: isQuick ? 10 : seconds })
    const logging = await prepareLoad(peer, isQuick ? { ...LOGINS, count: 100 } : LOGINS)
    const [from, cpu, portalCpu] = [performance.now(), readCpuMs(program.pid), readCpuMs(portalPid)]
    const pages = clicking?.go()
    const { figures: login } = await logging.go()
    const found = await pages
    const [ms, portal] = [performance.now() - from, readCpuMs(portalPid) - portalCpu]
    for (const load of [clicking, logging]) load?.end()
    const gateway = readCpuMs(program.pid) - cpu - portal
    const clicked =
      found === undefined ? '' : `; pages: p50 ${formatNumber(found.figures[`p50 ${ALL}`] ?? 0)} ms, p95 ${formatNumber(found.figures[`p95 ${ALL}`] ?? 0)} ms`
    console.error(`bench: portal: ${name}: login p99 ${formatNumber(login['p99'] ?? 0)} ms${clicked}`)
    return {
      phase: { name, login, gateway: gateway / ms, portal: portal / ms, portalMiB: readResidentKiB(portalPid).most / 1_024, seconds: ms / 1_000 },
      pages: found?.figures ?? {},
    }
  }

  await runLoad(peer, { ...LOGINS, count: 100 })
  const quiet = await measure('nothing else', 0)
  const clicked = await measure('50 people click', WARM_SECONDS)
  const flood = await prepareLoad(peer, FLOOD)
  await flood.go()
  const flooded = await measure('flood', 0)
  const both = await measure('flood, and 50 people click', SECONDS)
  flood.end()
  return [rowOfPages(size, both), rowOfLogins([quiet.phase, clicked.phase, flooded.phase, both.phase])]
}

function rowOfPages({ mailboxes, devicesEach, domains }: PortalStoreSize, { phase, pages: figures }: Measured): ResultRow {
  const pages = Object.keys(figures).flatMap(name => (name.startsWith('n /') ? [name.slice(2)] : []))
  const of = (figure: string, page: string) => figures[`${figure} ${page}`] ?? Number.NaN
  const clicks = pages.reduce((sum, page) => sum + of('n', page), 0) / phase.seconds
  const worst = (figure: string) => Math.max(...pages.map(page => of(figure, page)))
  const count = (value: number) => value.toLocaleString('en')
  return {
    what: `Pages of the portal, ${count(mailboxes)} mailboxes, ${count(mailboxes * devicesEach)} devices, ${domains} domains, while 50 people click and a flood runs`,
    goal: `median of every page ${MEDIAN_MS} ms or less, p95 ${P95_MS} ms or less`,
    result: `slowest median ${formatNumber(worst('p50'))} ms, slowest p95 ${formatNumber(worst('p95'))} ms`,
    isReached: worst('p50') <= MEDIAN_MS && worst('p95') <= P95_MS,
    raw: [
      `Each of them a page every ${THINK_MS / 1_000} seconds, ${formatNumber(clicks)} a second together; but one, who downloads the whole activity as CSV, again and again, at ${formatNumber(figures['downloaded MB/s'] ?? 0)} MB/s. The portal used ${phase.portal.toFixed(2)} of a core for both. Of all clicks: median ${formatNumber(of('p50', ALL))} ms, p95 ${formatNumber(of('p95', ALL))} ms, slowest ${formatNumber(of('max', ALL))} ms.`,
      '',
      '| page | clicks | median ms | p95 ms | slowest ms |',
      '|---|---|---|---|---|',
      ...pages
        .toSorted((one, other) => of('p95', other) - of('p95', one))
        .map(page => `| \`${page}\` | ${of('n', page)} | ${['p50', 'p95', 'max'].map(figure => formatNumber(of(figure, page))).join(' | ')} |`),
    ],
  }
}

function rowOfLogins(phases: readonly Phase[]): ResultRow {
  const [quiet, clicked, flooded, both] = phases.map(({ login }) => login['p99'] ?? Number.NaN)
  const ratios = [(clicked ?? Number.NaN) / (quiet ?? Number.NaN), (both ?? Number.NaN) / (flooded ?? Number.NaN)]
  return {
    what: 'A mail login while 50 people click in the portal',
    goal: `p99 ${NOISE} × the one without them or less, with a flood and without`,
    result: `${ratios.map(ratio => `${ratio.toFixed(2)} ×`).join(', ')}`,
    isReached: ratios.every(ratio => ratio <= NOISE),
    raw: [
      '| meanwhile | login p50 ms | p99 ms | gateway, cores | portal, cores | portal, MiB at most |',
      '|---|---|---|---|---|---|',
      ...phases.map(
        ({ name, login, gateway, portal, portalMiB }) =>
          `| ${name} | ${formatNumber(login['p50'] ?? Number.NaN)} | ${formatNumber(login['p99'] ?? Number.NaN)} | ${gateway.toFixed(2)} | ${portal.toFixed(2)} | ${portalMiB.toFixed(0)} |`,
      ),
    ],
  }
}
