/**
 * The login query over 1,000 to 3,000,000 devices, on SQLite and on PostgreSQL: what a login asks of the store, for mailboxes at random. The rest of a
 * login knows nothing of how many devices there are.
 */
import { join } from 'node:path'
import { LoginQueries } from '../../store/gateway-side/login-queries.ts'
import { createKeyFile } from '../../store/keys/master-key.ts'
import { openBackend, type StoreConfig } from '../../store/open-backend.ts'
import { createStore } from '../../store/open-store.ts'
import type { CurveChart } from '../charts/chart.ts'
import { addressOf, growPostgres, growSqlite, mailboxesOf } from '../peers/device-rows.ts'
import { startPostgres } from '../peers/postgres.ts'
import { formatNumber, type ResultRow } from '../result-row.ts'
import { type Extent, median } from '../rounds.ts'
import type { Workbench } from '../workbench.ts'

const SIZES = [1_000, 10_000, 100_000, 1_000_000, 3_000_000] as const
const QUICK_SIZES = SIZES.slice(0, 3)
const LOGINS = 3_000
const WARM_UP = 500
const BUCKETS = 65_535
/** A tree of indexes is a page deeper with a hundred times the rows: a query may take half as long again. */
const GOAL = 1.5

interface Found {
  readonly store: 'SQLite' | 'PostgreSQL'
  readonly devices: number
  readonly medianMicros: number
  readonly p99Micros: number
  /** Of this process, which is the gateway's part. */
  readonly cpuMicros: number
}

export async function measureDevices(bench: Workbench, { isQuick }: Extent): Promise<ResultRow[]> {
  const sizes = isQuick ? QUICK_SIZES : SIZES
  const server = await startPostgres(bench, 'postgres-devices')
  const path = bench.path('devices.db')
  const keyring = createKeyFile(join(bench.folder('devices-keys'), 'master.key'))
  const stores: readonly { readonly name: Found['store']; readonly config: StoreConfig; grow(before: number, devices: number): void }[] = [
    { name: 'SQLite', config: { url: 'sqlite:devices.db', sqlitePath: path }, grow: (before, devices) => growSqlite(path, before, devices) },
    {
      name: 'PostgreSQL',
      config: { url: 'postgres', postgres: server.config },
      grow: (before, devices) => growPostgres(server.url, before, devices),
    },
  ]
  const found: Found[] = []
  for (const { name, config, grow } of stores) {
    await (await createStore({ config: { store: config, generatedOnly: false }, keyring, actor: { name: 'bench', source: 'cli' } })).close()
    for (const [index, devices] of sizes.entries()) {
      grow(sizes[index - 1] ?? 0, devices)
      found.push({ store: name, devices, ...(await measureQuery(config, devices)) })
    }
  }
  return [formatFound(found)]
}

async function measureQuery(config: StoreConfig, devices: number): Promise<Omit<Found, 'store' | 'devices'>> {
  // A reader needs a writer that was there first.
  const [writer, reader] = [await openBackend(config, 'write'), await openBackend(config, 'read')]
  const queries = new LoginQueries(reader.db)
  const mailboxes = mailboxesOf(devices)
  const one = async (serial: number) => {
    const login = await queries.findLogin(addressOf(1 + ((serial * 7_919_317) % mailboxes)), 1 + (serial % BUCKETS), Date.now())
    if (login === undefined) throw new Error('a mailbox is missing')
  }
  try {
    for (let serial = 0; serial < WARM_UP; serial++) await one(serial)
    const micros: number[] = []
    const cpu = process.cpuUsage()
    for (let serial = WARM_UP; serial < WARM_UP + LOGINS; serial++) {
      const from = performance.now()
      await one(serial)
      micros.push((performance.now() - from) * 1_000)
    }
    const { user, system } = process.cpuUsage(cpu)
    const p99 = micros.toSorted((a, b) => a - b)[Math.floor(LOGINS * 0.99)] ?? Number.NaN
    return { medianMicros: median(micros), p99Micros: p99, cpuMicros: (user + system) / LOGINS }
  } finally {
    await reader.close()
    await writer.close()
  }
}

function formatFound(found: readonly Found[]): ResultRow {
  const of = (store: Found['store']) => found.filter(one => one.store === store)
  const growth = (['SQLite', 'PostgreSQL'] as const).map(store => (of(store).at(-1)?.cpuMicros ?? Number.NaN) / (of(store)[0]?.cpuMicros ?? Number.NaN))
  const count = (value: number) => value.toLocaleString('en')
  return {
    what: `The login query, ${count(found[0]?.devices ?? 0)} to ${count(found.at(-1)?.devices ?? 0)} devices`,
    goal: `CPU ${GOAL} × that of the smallest store or less`,
    result: `SQLite ${growth[0]?.toFixed(2)} ×, PostgreSQL ${growth[1]?.toFixed(2)} ×`,
    isReached: growth.every(one => one <= GOAL),
    raw: [
      '| store | devices | median µs | p99 µs | CPU µs of the gateway |',
      '|---|---|---|---|---|',
      ...found.map(
        one => `| ${one.store} | ${count(one.devices)} | ${formatNumber(one.medianMicros)} | ${formatNumber(one.p99Micros)} | ${formatNumber(one.cpuMicros)} |`,
      ),
    ],
    charts: [chartOf(of('SQLite'), of('PostgreSQL'))],
  }
}

/** No p99: it tells of the machine's other work. */
function chartOf(sqlite: readonly Found[], postgres: readonly Found[]): CurveChart {
  const points = (all: readonly Found[], what: 'medianMicros' | 'cpuMicros') => all.map(one => [one.devices, one[what]] as const)
  return {
    kind: 'curves',
    file: 'devices',
    title: 'The login query, by how many devices the store has',
    x: { label: 'devices in the store', isLogarithmic: true },
    y: { label: 'µs for one login’s query', isLogarithmic: true },
    curves: [
      { name: 'SQLite, CPU', points: points(sqlite, 'cpuMicros') },
      { name: 'SQLite, median time', points: points(sqlite, 'medianMicros') },
      { name: 'PostgreSQL, CPU of gateway', points: points(postgres, 'cpuMicros') },
      { name: 'PostgreSQL, median time', points: points(postgres, 'medianMicros') },
    ],
  }
}
