/**
 * The place where one run happens: a temporary folder, free ports, the programs that were started.
 * `close()` ends the programs in reverse order and removes the folder; nothing of a run stays behind.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Nothing we start needs longer to listen, or to stop, on a busy machine: a large store is looked at first. */
const START_MS = 60_000
const STOP_MS = 8_000

export interface Program {
  readonly pid: number
  /** Ends it with SIGTERM, then SIGKILL. */
  stop(): Promise<void>
}

export interface ProgramOptions {
  /** It is up when this port on 127.0.0.1 accepts. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export class Workbench {
  readonly dir: string
  readonly #running: Program[] = []

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'mwbench-'))
    chmodSync(this.dir, 0o755) // Dovecot's and nginx's own users walk through it
  }

  /** A path in the run's folder; an absolute one stays as it is. */
  path(name: string): string {
    return resolve(this.dir, name)
  }

  /** Makes a folder, and gives it to a user and group when they are named. */
  folder(name: string, owner?: { readonly uid: number; readonly gid: number }): string {
    const path = this.path(name)
    mkdirSync(path, { recursive: true })
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
    return path
  }

  write(name: string, text: string | Uint8Array): string {
    const path = this.path(name)
    writeFileSync(path, text)
    return path
  }

  /** A port that nobody listens on now. */
  async freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const address = server.address()
    await new Promise(resolve => server.close(resolve))
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  /** Starts a program in the foreground, its output in `NAME.log`, and waits until it listens. */
  async start(name: string, command: string, args: readonly string[], options: ProgramOptions = {}): Promise<Program> {
    const output = openSync(this.path(`${name}.log`), 'a')
    const env = { ...process.env, ...options.env }
    const child = spawn(command, args, { stdio: ['ignore', output, output], env, cwd: options.cwd ?? this.dir })
    const ended = new Promise<void>(resolve => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    if (child.pid === undefined) throw new Error(`${command} could not be started`)
    const program = { pid: child.pid, stop: () => stopChild(child, ended) }
    this.#running.push(program)
    if (options.port !== undefined) await waitForPort(options.port, child, () => this.readLog(name))
    return program
  }

  readLog(name: string): string {
    return readFileSync(this.path(`${name}.log`), 'utf8').slice(-2_000)
  }

  async close(): Promise<void> {
    for (const program of this.#running.reverse()) await program.stop()
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(killer)
}

async function waitForPort(port: number, child: ChildProcess, log: () => string): Promise<void> {
  const until = Date.now() + START_MS
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`nothing listens on port ${port}: ${log()}`)
    await sleep(50)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** User and group number of a system user. */
export function findUser(name: string): { uid: number; gid: number } {
  const read = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }).trim())
  return { uid: read('-u'), gid: read('-g') }
}
