/**
 * Both halves of the mail server behind the demo as one thing: what is sent through one is read through the other.
 */
import { createServer, type Server } from 'node:net'
import { startDemoSubmission } from './demo-submission.ts'
import { startDemoUpstream } from './demo-upstream.ts'

export interface DemoServers {
  readonly imapPort: number
  readonly submissionPort: number
  close(): Promise<void>
}

/** Ports 0 take any. Throws LISTEN_FAILED. */
export async function startDemoServers(options: {
  readonly address: string
  readonly password: string
  readonly ports: { readonly imap: number; readonly submission: number }
  readonly now: number
}): Promise<DemoServers> {
  const { address, password, ports, now } = options
  const imap = await startDemoUpstream({ address, password, port: ports.imap, now })
  try {
    const submission = await startDemoSubmission({ address, password, port: ports.submission, deliver: imap.deliver })
    return {
      imapPort: imap.port,
      submissionPort: submission.port,
      close: async () => {
        await submission.close()
        await imap.close()
      },
    }
  } catch (error) {
    await imap.close()
    throw error
  }
}

/** The preferred ports where nobody has them, else free ones; no port twice. */
export async function findPorts<Name extends string>(preferred: Readonly<Record<Name, number>>): Promise<Record<Name, number>> {
  const probes: Server[] = []
  try {
    const found: [string, number][] = []
    for (const [name, port] of Object.entries<number>(preferred)) {
      const probe = (await holdPort(port)) ?? (await holdPort(0))
      if (probe === undefined) throw new Error('no free port on 127.0.0.1')
      probes.push(probe)
      const bound = probe.address()
      found.push([name, typeof bound === 'object' && bound !== null ? bound.port : port])
    }
    return Object.fromEntries(found) as Record<Name, number>
  } finally {
    await Promise.all(probes.map(probe => new Promise(resolve => probe.close(resolve))))
  }
}

/** Undefined: somebody has it. */
function holdPort(port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, '127.0.0.1', () => resolve(probe))
  })
}
