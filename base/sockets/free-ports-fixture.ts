/**
 * Ports for programs that must be told one. All lie below the range from which the kernel takes outgoing ones; each worker of the test runner
 * has a share of its own and gives every port once, so that nobody takes a port between the moment it was picked and the moment it is bound.
 */
import { createServer } from 'node:net'

const FIRST = 20_000
/** More workers at a time than these share again, as do two runs on one machine: then a port that somebody listens on is still passed over. */
const WORKERS = 12
const SHARE = 1000

/** The share of a worker, by the number that the runner gives it (1, 2, …; 0: what runs before the workers). */
export function portsOf(worker: number): { readonly first: number; readonly count: number } {
  return { first: FIRST + (worker % WORKERS) * SHARE, count: SHARE }
}

const own = portsOf(Number(process.env.VITEST_POOL_ID ?? 0))
// The file before may have left connections in TIME_WAIT: not the same ports again at once.
let next = Math.floor(Math.random() * own.count)

export async function pickPorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tried = 0; ports.length < count; tried += 1) {
    if (tried === own.count) throw new Error(`not ${count} of the ports from ${own.first} on are free`)
    const port = own.first + next
    next = (next + 1) % own.count
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
