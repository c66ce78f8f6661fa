/**
 * Starts a load process, and accounts for what the peer used while the load worked (not while it prepared).
 */
import { type ChildProcess, fork } from 'node:child_process'
import type { Peer } from '../peers/peer.ts'
import { readCpuMs } from '../process-usage.ts'
import type { ClicksJob } from './portal-readers.ts'
import type { Target } from './tls-socket.ts'

export type Job =
  /** Fetches the large message `times` times over one session. */
  | { readonly kind: 'download'; readonly times: number; readonly bytes: number }
  | { readonly kind: 'login'; readonly count: number; readonly parallel: number; readonly resume: boolean }
  /** One after the other, each on a connection of its own that stays until the next is in: as apps come. */
  | { readonly kind: 'loginInTurn'; readonly count: number }
  /** Comes and goes in all the ways of real apps: says goodbye or is cut off, before login or after it, with a full handshake or a resumed one. */
  | { readonly kind: 'comeAndGo'; readonly count: number; readonly parallel: number }
  /** Logs in and stays, until the load is ended. */
  | { readonly kind: 'idle'; readonly count: number }
  | { readonly kind: 'roundTrip'; readonly count: number }
  | { readonly kind: 'refusals'; readonly connections: number; readonly triesEach: number; readonly parallel: number }
  /** Sends so many messages on each of so many connections, `parallel` of them at a time; login and QUIT are counted. */
  | { readonly kind: 'submit'; readonly connections: number; readonly parallel: number; readonly messagesEach: number; readonly messageBytes: number }
  /** Uploads so many messages over one session, into a mailbox that is made for it and deleted. */
  | { readonly kind: 'append'; readonly times: number; readonly messageBytes: number }
  /** Guesses from so many addresses, on so many connections each, as fast as the answers come, until the load is ended. */
  | { readonly kind: 'flood'; readonly addresses: number; readonly connectionsEach: number }
  /** One login after the other, `pauseMs` between them; from the first packet to the OK. */
  | { readonly kind: 'loginPace'; readonly count: number; readonly pauseMs: number }
  /** Time from LOGIN to its answer; the targets take turns. */
  | { readonly kind: 'loginTime'; readonly count: number; readonly targets: readonly Target[] }
  | ClicksJob

export type ToLoad = { readonly do: 'prepare'; readonly job: Job; readonly target: Target } | { readonly do: 'go' }

export type Figures = Readonly<Record<string, number>>

export interface LoadResult {
  readonly figures: Figures
  /** CPU time of all the peer's processes, milliseconds. */
  readonly cpuMs: number
}

export interface Load {
  readonly pid: number
  go(): Promise<LoadResult>
  end(): void
}

/** No job takes longer, on a busy machine: a peer that hangs must not hang the run. Sessions that stay are there for as long as others come. */
const LOAD_TIMEOUT_MS = 300_000
const IDLE_TIMEOUT_MS = 30 * 60_000

/** Prepares a job against a peer: connected, logged in, warm. */
export async function prepareLoad(peer: Peer, job: Job): Promise<Load> {
  const target: Target = { port: peer.port, certificate: peer.certificate, user: peer.user, secret: peer.secret }
  const { pid, ask, end } = await startLoad(job, target, peer.name)
  return {
    pid,
    go: async () => {
      const cpuBefore = readCpuMs(peer.program.pid)
      const { figures } = await ask({ do: 'go' })
      return { figures: figures ?? {}, cpuMs: readCpuMs(peer.program.pid) - cpuBefore }
    },
    end,
  }
}

/** Prepares, works, ends. */
export async function runLoad(peer: Peer, job: Job): Promise<LoadResult> {
  const load = await prepareLoad(peer, job)
  try {
    return await load.go()
  } finally {
    load.end()
  }
}

/** Works, and counts nothing: a gateway runs for months, and its compiler has work to do in the first seconds only. */
export async function warm(peers: readonly Peer[], job: Job): Promise<void> {
  for (const peer of peers) await runLoad(peer, job)
}

/** Median time from LOGIN to its answer at each target, in milliseconds, of `count` logins each. */
export async function loginTimes(targets: readonly Target[], count: number): Promise<number[]> {
  const { ask, end } = await startLoad({ kind: 'loginTime', count, targets }, targets[0] as Target, 'Mailwicket')
  try {
    const { figures = {} } = await ask({ do: 'go' })
    return targets.map((_, index) => (figures[`micros${index}`] ?? Number.NaN) / 1_000)
  } finally {
    end()
  }
}

async function startLoad(job: Job, target: Target, peerName: string): Promise<{ readonly pid: number; ask(message: ToLoad): Promise<Answer>; end(): void }> {
  const timeout = job.kind === 'idle' ? IDLE_TIMEOUT_MS : LOAD_TIMEOUT_MS
  const child = fork(new URL('./load.ts', import.meta.url).pathname, { timeout, killSignal: 'SIGKILL' })
  const ask = (message: ToLoad) => askChild(child, message, peerName)
  const end = () => void child.kill('SIGKILL')
  await ask({ do: 'prepare', job, target }).catch(error => {
    end()
    throw error
  })
  return { pid: child.pid ?? 0, ask, end }
}

interface Answer {
  readonly ready?: true
  readonly figures?: Figures
  readonly failed?: string
}

function askChild(child: ChildProcess, message: ToLoad, peerName: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`the load against ${peerName} ended early`))
    child.once('exit', onExit)
    child.once('message', answer => {
      child.off('exit', onExit)
      const { failed } = answer as Answer
      if (failed === undefined) resolve(answer as Answer)
      else reject(new Error(`the load against ${peerName} failed: ${failed}`))
    })
    child.send(message)
  })
}
