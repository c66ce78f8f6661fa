/**
 * The load generator: a process of its own, so that its CPU time is not the peers'.
 *
 * Forked by `run-load.ts`; takes one job by message, tells `ready` when it has prepared, works on `go`, answers with figures.
 */

import { median } from '../rounds.ts'
import { type Connection, openConnection, openSession } from './imap-client.ts'
import { prepareClicks } from './portal-readers.ts'
import type { Figures, Job, ToLoad } from './run-load.ts'
import { makeMessage, submit } from './smtp-client.ts'
import type { Target } from './tls-socket.ts'

type Prepared = () => Promise<Figures>

const send = (message: unknown) => process.send?.(message)

const prepare: { readonly [K in Job['kind']]: (job: Extract<Job, { kind: K }>, target: Target) => Promise<Prepared> } = {
  async download(job, target) {
    const session = await openSession(target)
    await session.command('SELECT INBOX')
    await session.drain('FETCH 1 BODY.PEEK[]', job.bytes) // the upstream's caches, and the gateway's compiler, are warm now
    return async () => {
      let bytes = 0
      for (let i = 0; i < job.times; i++) bytes += await session.drain('FETCH 1 BODY.PEEK[]', job.bytes)
      session.destroy()
      return { bytes }
    }
  },

  async append(job, target) {
    const session = await openSession(target)
    const message = makeMessage(job.messageBytes)
    const upload = async (times: number) => {
      await expectOk(session.command('CREATE Uploads'))
      for (let i = 0; i < times; i++) await expectOk(session.append('Uploads', message))
      await expectOk(session.command('DELETE Uploads'))
    }
    await upload(1)
    return async () => {
      await upload(job.times)
      session.destroy()
      return { bytes: job.times * message.length }
    }
  },

  async login(job, target) {
    const ticket = job.resume ? await takeTicket(target) : undefined
    const one = async () => {
      const session = await openSession(target, ticket)
      if (session.socket.isSessionReused() !== job.resume) throw new Error(`resumed: ${session.socket.isSessionReused()}`)
      await session.logout()
    }
    await repeat(Math.min(job.count, 100), job.parallel, one)
    return async () => {
      await repeat(job.count, job.parallel, one)
      return { logins: job.count }
    }
  },

  async loginInTurn(job, target) {
    let last = await openSession(target)
    const one = async () => {
      const session = await openSession(target)
      last.destroy()
      last = session
    }
    await repeat(50, 1, one)
    return async () => {
      await repeat(job.count, 1, one)
      return { logins: job.count }
    }
  },

  async comeAndGo(job, target) {
    let ticket = await takeTicket(target)
    let serial = 0
    const one = async () => {
      const number = serial++
      const session = await openConnection(target, number % 4 === 0 ? undefined : ticket)
      // One in twenty leaves before it has logged in.
      if (number % 20 === 1) return session.destroy()
      const line = await session.command(`LOGIN ${target.user} ${target.secret}`)
      if (!line.includes(' OK')) throw new Error(`login refused: ${line}`)
      ticket = session.ticket() ?? ticket
      if (number % 2 === 0) await session.logout()
      else session.destroy()
    }
    return async () => {
      await repeat(job.count, job.parallel, one)
      return { connections: job.count }
    }
  },

  async idle(job, target) {
    return async () => {
      const sessions: Connection[] = []
      // Of many addresses, as one has not ports enough; of one network, as nobody throttles one that is known.
      const from = () => `127.0.0.${2 + (sessions.length % 250)}`
      await repeat(job.count, 20, async () => void sessions.push(await openSession({ ...target, from: from() })))
      return { sessions: sessions.length }
    }
  },

  async roundTrip(job, target) {
    const session = await openSession(target)
    for (let i = 0; i < 500; i++) await session.command('NOOP')
    return async () => {
      const micros: number[] = []
      for (let i = 0; i < job.count; i++) {
        const from = performance.now()
        await session.command('NOOP')
        micros.push((performance.now() - from) * 1_000)
      }
      session.destroy()
      micros.sort((a, b) => a - b)
      const at = (share: number) => micros[Math.floor(micros.length * share)] ?? 0
      return { medianMicros: at(0.5), p99Micros: at(0.99) }
    }
  },

  async refusals(job, target) {
    let wrong = 0
    let attackers = 0
    const one = async () => {
      // Each from another address at another mailbox, below the counts from which answers are delayed: here it is the work that is measured.
      const attacker = attackers++
      const connection = await openConnection({ ...target, from: addressOf(attacker) })
      for (let i = 0; i < job.triesEach; i++) {
        const line = await connection.command(`LOGIN nobody-${attacker}@example.test ${makeWrongSecret(wrong++)}`)
        if (!line.includes('AUTHENTICATIONFAILED')) throw new Error(`not refused as expected: ${line}`)
      }
      connection.destroy()
    }
    await repeat(job.parallel, job.parallel, one)
    return async () => {
      await repeat(job.connections, job.parallel, one)
      return { refusals: job.connections * job.triesEach }
    }
  },

  async flood(job, target) {
    let wrong = 0
    const guessForEver = async (from: string) => {
      for (;;) {
        try {
          const connection = await openConnection({ ...target, from })
          for (let said = ''; !said.startsWith('* BYE'); wrong++) said = await connection.command(`LOGIN ${target.user} wrong-${wrong}`)
          connection.destroy()
        } catch {
          // Closed on us: that is what a flood is told. Not in a tight loop of refused connections.
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      }
    }
    return async () => {
      // Connections are opened over a second, as many machines would.
      for (let i = 0; i < job.addresses; i++) {
        for (let each = 0; each < job.connectionsEach; each++) void guessForEver(addressOf(i))
        if (i % 20 === 19) await new Promise(resolve => setTimeout(resolve, 20_000 / job.addresses))
      }
      return {}
    }
  },

  async loginPace(job, target) {
    const millis: number[] = []
    const one = async () => {
      const from = performance.now()
      const session = await openSession(target)
      millis.push(performance.now() - from)
      session.destroy()
      await new Promise(resolve => setTimeout(resolve, job.pauseMs))
    }
    await repeat(20, 1, one)
    return async () => {
      millis.length = 0
      await repeat(job.count, 1, one)
      millis.sort((a, b) => a - b)
      const at = (share: number) => millis[Math.floor(millis.length * share)] ?? 0
      return { p50: at(0.5), p99: at(0.99) }
    }
  },

  async submit(job, target) {
    const message = makeMessage(job.messageBytes)
    const one = () => submit(target, message, job.messagesEach)
    await repeat(job.parallel, job.parallel, one)
    return async () => {
      const from = performance.now()
      await repeat(job.connections, job.parallel, one)
      return { messages: job.connections * job.messagesEach, seconds: (performance.now() - from) / 1_000 }
    }
  },

  clicks: prepareClicks,

  async loginTime(job) {
    const micros = job.targets.map((): number[] => [])
    const onceEach = async (keeps: boolean) => {
      for (const [index, target] of job.targets.entries()) {
        const connection = await openConnection(target)
        const from = performance.now()
        const line = await connection.command(`LOGIN ${target.user} ${target.secret}`)
        if (keeps) micros[index]?.push((performance.now() - from) * 1_000)
        if (!line.includes(' OK')) throw new Error(`login refused: ${line}`)
        await connection.logout()
      }
    }
    for (let i = 0; i < 20; i++) await onceEach(false)
    return async () => {
      for (let i = 0; i < job.count; i++) await onceEach(true)
      return Object.fromEntries(micros.map((values, index) => [`micros${index}`, median(values)]))
    }
  },
}

async function expectOk(answer: Promise<string>): Promise<void> {
  const line = await answer
  if (!line.includes(' OK')) throw new Error(`not OK: ${line}`)
}

/** One of the addresses of the loopback network, from 127.1.0.2 on. */
function addressOf(index: number): string {
  return `127.${1 + (index >> 14)}.${(index >> 7) & 127}.${2 + (index & 127)}`
}

/** A different secret each time, in the shape of a generated one (no digit 0 or 1 in its alphabet). */
function makeWrongSecret(serial: number): string {
  const digits = serial
    .toString(8)
    .padStart(20, '0')
    .replace(/[01]/g, digit => (digit === '0' ? 'k' : 'm'))
  return digits.replace(/(.{4})(?=.)/g, '$1-')
}

async function repeat(count: number, parallel: number, one: () => Promise<void>): Promise<void> {
  let started = 0
  const worker = async () => {
    while (started < count) {
      started++
      await one()
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

async function takeTicket(target: Target): Promise<Buffer> {
  const session = await openSession(target)
  await session.logout()
  const ticket = session.ticket()
  if (ticket === undefined) throw new Error('the server gave no session ticket')
  return ticket
}

let work: Prepared | undefined
process.on('message', async (message: ToLoad) => {
  try {
    if (message.do === 'prepare') {
      // One entry per kind, so the job's kind and its handler agree.
      work = await (prepare[message.job.kind] as (job: Job, target: Target) => Promise<Prepared>)(message.job, message.target)
      send({ ready: true })
    } else if (work !== undefined) {
      send({ figures: await work() })
    }
  } catch (error) {
    send({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
