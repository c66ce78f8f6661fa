/**
 * A bash of root's at a terminal of 80 columns, typed into line by line, in a Debian and a network of its own: programs, ports, names and servers of this
 * machine are not there, so that what is recorded is the same everywhere.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { patient } from '../fixtures/deadline.ts'

const PROMPT = '$ '

export class TypedTerminal {
  readonly #child
  #output = ''
  #changed = () => {}

  /** `root`: the folder with its Debian. */
  constructor(root: string) {
    const env = `HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin 'PS1=${PROMPT}' TERM=dumb LANG=C.UTF-8`
    const shell = `stty cols 80 rows 24; cd '${root}/root'; exec chroot '${root}' env --ignore-environment --chdir=/root ${env} bash --norc --noprofile -i`
    const namespaces = ['--net', '--pid', '--fork', '--kill-child', `--mount-proc=${join(root, 'proc')}`]
    this.#child = spawn('unshare', [...namespaces, '--', 'script', '-qefc', shell, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
      this.#changed()
    })
    this.#child.on('close', () => this.#changed())
  }

  /** Types a line, answers what is asked, and gives all that was seen from the prompt on. */
  async type(line: string, answers: readonly (readonly [question: RegExp, answer: string])[] = []): Promise<string> {
    await this.#until(/(^|\n)\$ $/)
    this.#output = ''
    this.#child.stdin.write(`${line}\n`)
    for (const [question, answer] of answers) {
      await this.#until(question)
      this.#child.stdin.write(`${answer}\n`)
    }
    const seen = await this.#until(/\n\$ $/)
    return `${PROMPT}${seen.slice(0, -PROMPT.length)}`
  }

  /** The command line of a program that runs beside it, in its network and with its mounts; after the first line that was typed. */
  beside(command: string, ...args: string[]): [command: string, args: string[]] {
    return ['nsenter', ['--net', '--mount', `--target=${this.#child.pid}`, '--', command, ...args]]
  }

  /** All that runs in it ends. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await closed
  }

  async #until(pattern: RegExp): Promise<string> {
    const deadline = Promise.withResolvers<never>()
    const timer = setTimeout(() => deadline.reject(new Error(`${pattern} was not seen:\n${this.#output}`)), patient(30_000))
    try {
      for (;;) {
        const seen = this.#output.replaceAll('\r\n', '\n')
        if (pattern.test(seen)) return seen
        if (this.#child.exitCode !== null) throw new Error(`the shell ended:\n${seen}`)
        await Promise.race([
          new Promise<void>(resolve => {
            this.#changed = resolve
          }),
          deadline.promise,
        ])
      }
    } finally {
      clearTimeout(timer)
      deadline.promise.catch(() => {})
    }
  }
}
