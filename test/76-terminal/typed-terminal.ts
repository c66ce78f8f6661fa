/**
 * A bash at a terminal of 80 columns, typed into line by line, in a network of its own: ports, names and servers of this machine are not there, so that
 * what is recorded is the same everywhere. Ends with the test file.
 */
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { afterAll } from 'vitest'
import { patient } from '../fixtures/deadline.ts'
import { launcher } from '../fixtures/mailwicket.ts'

const PROMPT = '$ '

export class TypedTerminal {
  readonly #child
  #output = ''
  #changed = () => {}

  constructor(cwd: string) {
    const env = { HOME: cwd, PATH: `${dirname(launcher)}:${process.env.PATH}`, PS1: PROMPT, TERM: 'dumb', LANG: 'C.UTF-8' }
    const shell = 'stty cols 80 rows 24; exec bash --norc --noprofile -i'
    this.#child = spawn('unshare', ['--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--', 'script', '-qefc', shell, '/dev/null'], {
      cwd,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
      this.#changed()
    })
    this.#child.on('close', () => this.#changed())
    afterAll(() => void this.#child.kill('SIGHUP'))
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
