/**
 * What a process and all its descendants have used, from the kernel's own accounting under /proc (Linux only).
 *
 * CPU time is utime + stime of every living process of the tree plus what reaped children left behind (cutime + cstime),
 * so workers that come and go between two samples are not lost. Memory is PSS: shared pages are divided among their users.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Settled: no change of more than 0.3 % within two seconds. A runtime that never settles is read after 15 s. */
const SETTLE_STEP_MS = 2_000
const SETTLE_STEPS = 7
const SETTLE_SHARE = 0.003

/** USER_HZ: /proc/PID/stat counts in hundredths of a second on every Linux architecture that Node runs on. */
const MS_PER_TICK = 10

interface ProcessStat {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined // it ended between the listing and now
  }
  // The second field is the program's name in brackets and may hold spaces: count from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const at = (index: number) => Number(fields[index])
  return { pid, parent: at(1), ticks: at(11) + at(12) + at(13) + at(14) }
}

function findTree(root: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readStat(Number(name)))
    .filter(stat => stat !== undefined)
  const tree = all.filter(stat => stat.pid === root)
  for (const parent of tree) tree.push(...all.filter(stat => stat.parent === parent.pid)) // grows while it is walked
  return tree
}

/** The one process below `root` whose command line has this in it. */
export function findProcess(root: number, words: string): number {
  const found = findTree(root).find(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(words))
  if (found === undefined) throw new Error(`no process ${words}`)
  return found.pid
}

/** Resident memory of one process in KiB: now, and the most that it ever had. */
export function readResidentKiB(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return { now: read('VmRSS'), most: read('VmHWM') }
}

/** CPU time of the process `root` and everything below it, in milliseconds, to 10 ms. */
export function readCpuMs(root: number): number {
  return findTree(root).reduce((sum, stat) => sum + stat.ticks, 0) * MS_PER_TICK
}

/** The same of each process, by its id, `root` first. */
export function readCpuMsByProcess(root: number): ReadonlyMap<number, number> {
  return new Map(findTree(root).map(({ pid, ticks }) => [pid, ticks * MS_PER_TICK]))
}

/** Resident memory of each process in KiB, `root` first. */
export function readRssKiBByProcess(root: number): number[] {
  return findTree(root).map(({ pid }) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0))
}

/** Proportional memory of the process `root` and everything below it, in KiB. */
export function readPssKiB(root: number): number {
  let sum = 0
  for (const { pid } of findTree(root)) {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))
    sum += Number(match?.[1] ?? 0)
  }
  return sum
}

/** The same, once it does not change any more, or after so many looks. */
export async function readSettledPssKiB(root: number, { isQuick }: { readonly isQuick: boolean }): Promise<number> {
  let last = readPssKiB(root)
  for (let step = 0; step < (isQuick ? 1 : SETTLE_STEPS); step++) {
    await sleep(SETTLE_STEP_MS)
    const now = readPssKiB(root)
    if (Math.abs(now - last) < last * SETTLE_SHARE) return now
    last = now
  }
  return last
}

/** Keeps a process, all its threads and what it starts from now on, on one core; `yields`: it works only when nobody else there wants to. */
export function pinTo(core: number, pid: number, { yields = false } = {}): void {
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })
  run('taskset', '--all-tasks', '--cpu-list', '--pid', String(core), String(pid))
  if (yields) run('chrt', '--all-tasks', '--idle', '--pid', '0', String(pid))
}
