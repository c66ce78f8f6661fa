/**
 * `node bench/soak.ts [CONNECTIONS]`: a day's worth of connects and disconnects (200,000 unless told), compressed in time, against one gateway in
 * front of the real Dovecot, and what they leave in its memory. The goal: within 10 % of where it stood after the first 10,000.
 *
 * It prints a line for each 10,000 and writes nothing: what is worth keeping stands in the hand-written part of bench/RESULTS.md.
 */
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runLoad } from './load/run-load.ts'
import { makeCertificate } from './peers/certificate.ts'
import { mailwicket } from './peers/mailwicket.ts'
import type { Peer } from './peers/peer.ts'
import { startUpstream } from './peers/upstream.ts'
import { readCpuMs, readPssKiB } from './process-usage.ts'
import { Workbench } from './workbench.ts'

const STEP = 10_000
/** A load process has 90 s. */
const BATCH = 2_000
const PARALLEL = 16
const GOAL = 0.1
/** Sessions that were cut off end at the upstream a moment later, and V8 collects when it is idle. */
const SETTLE_MS = 5_000

const total = Number(process.argv[2] ?? 200_000)
const bench = new Workbench()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bench.close().then(() => process.exit(130)))
try {
  const peer = await mailwicket(bench, await startUpstream(bench), makeCertificate(bench)).start()
  console.log('| connections | memory, MiB PSS | open files | CPU ms each | minutes |\n|---|---|---|---|---|')
  const from = performance.now()
  let first: number | undefined
  let last = 0
  for (let done = STEP; done <= total; done += STEP) {
    const cpuBefore = readCpuMs(peer.program.pid)
    for (let sent = 0; sent < STEP; sent += BATCH) await runLoad(peer, { kind: 'comeAndGo', count: BATCH, parallel: PARALLEL })
    const cpuEach = (readCpuMs(peer.program.pid) - cpuBefore) / STEP
    last = await report(peer, done, cpuEach, (performance.now() - from) / 60_000)
    first ??= last
  }
  const growth = last / (first ?? last) - 1
  console.log(`\n${(growth * 100).toFixed(1)} % against the first ${STEP} (goal: ${GOAL * 100} % or less; ${growth <= GOAL ? 'reached' : 'NOT reached'})`)
} finally {
  await bench.close()
}

async function report({ program }: Peer, done: number, cpuEach: number, minutes: number): Promise<number> {
  await sleep(SETTLE_MS)
  const mebibytes = readPssKiB(program.pid) / 1024
  const files = readdirSync(`/proc/${program.pid}/fd`).length
  console.log(`| ${done} | ${mebibytes.toFixed(1)} | ${files} | ${cpuEach.toFixed(2)} | ${minutes.toFixed(1)} |`)
  return mebibytes
}
