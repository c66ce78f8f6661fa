/** Completion in real shells: what is typed is completed at a press of Tab, with names from the store. */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runChild } from '../fixtures/child-process.ts'
import { launcher } from '../fixtures/program/mailwicket.ts'
import { makeTempDir } from '../fixtures/temp-dir.ts'

const ANNA = 'anna@example.com'
const cwd = makeTempDir()
const env = ['--unset=MAILWICKET_CONFIG', 'TERM=dumb', `PATH=${dirname(launcher)}:${process.env.PATH}`]

beforeAll(async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runChild(launcher, args, { cwd, input: 'upstream-secret\n', printsSecret: true })
    expect(`${code} ${stderr}`).toMatch(/^0 /)
    return stdout
  }
  await run('init', '--hostname', 'localhost')
  for (const address of [ANNA, 'bob@example.com']) await run('mailbox', 'add', address, '--no-verify', '--secret-stdin')
  for (const name of ['phone', 'old laptop']) await run('device', 'add', ANNA, name)
  await run('user', 'add', 'zoe')
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(join(cwd, `script.${shell}`), await run('completion', shell))
})

/** The line as it stands after Tab, printed by the shell itself. */
async function completeAtTerminal(shell: string, setUp: string, line: string): Promise<string> {
  // Control-A and Control-E go to the ends of the line: what is there is quoted and printed instead of being run.
  const typed = `${setUp}\n${line}\t\u0001print_line '\u0005'\nexit\n`
  const { stdout } = await runChild('env', [...env, 'script', '-qfc', shell, '/dev/null'], { cwd, input: typed })
  return /^LINE:(.*?) *\r?$/m.exec(stdout)?.[1] ?? stdout
}

const SHELLS = {
  bash: (line: string) => completeAtTerminal('bash --norc -i', 'print_line() { printf \'LINE:%s\\n\' "$1"; }; source script.bash', line),
  zsh: (line: string) =>
    completeAtTerminal('zsh -f -i', 'print_line() { print -r -- "LINE:$1" }; bindkey -e; autoload -U compinit; compinit -u -D; source script.zsh', line),
  /** All that fish would offer; of one that fits, the whole line. */
  fish: async (line: string) => {
    const { stdout } = await runChild('env', [...env, 'fish', '-c', 'source script.fish; complete -C $argv[1]', line], { cwd })
    const [only = '', ...others] = stdout.trimEnd().split('\n')
    const word = only.split('\t')[0]?.replaceAll(' ', '\\ ') ?? ''
    return others.length > 0 ? stdout : `${line.slice(0, line.lastIndexOf(' ') + 1)}${word}`
  },
} as const

const LINES: readonly (readonly [typed: string, completed: string])[] = [
  ['mailwicket dev', 'mailwicket device'],
  ['mailwicket device rena', 'mailwicket device rename'],
  ['mailwicket session list --dom', 'mailwicket session list --domain'],
  ['mailwicket device list --state exp', 'mailwicket device list --state expired'],
  ['mailwicket mailbox set x@example.com --check-from y', 'mailwicket mailbox set x@example.com --check-from yes'],
  ['mailwicket token add zoe script --scope passw', 'mailwicket token add zoe script --scope passwords'],
  ['mailwicket completion fi', 'mailwicket completion fish'],
  ['mailwicket mailbox show an', `mailwicket mailbox show ${ANNA}`],
  ['mailwicket device show anna@example.com/ph', `mailwicket device show ${ANNA}/phone`],
  ['mailwicket device revoke bob@example.com/x anna@example.com/ol', `mailwicket device revoke bob@example.com/x ${ANNA}/old\\ laptop`],
  ['mailwicket device list --user z', 'mailwicket device list --user zoe'],
  ['mailwicket mailbox set x@example.com --upstream m', 'mailwicket mailbox set x@example.com --upstream main'],
  ['mailwicket --config mailwicket.toml device list bo', 'mailwicket --config mailwicket.toml device list bob@example.com'],
]

test.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])('%s completes commands, options, their values, and names', async shell => {
  const completed: string[] = []
  for (const [typed] of LINES) completed.push(await SHELLS[shell](typed))
  expect(completed).toEqual(LINES.map(([, wanted]) => wanted))
})

test('what cannot be asked completes nothing and says nothing', async () => {
  for (const args of [['devices', 'a'], ['upstreams', ''], ['sessions']]) {
    const { code, stdout, stderr } = await runChild(launcher, ['complete-names', ...args], { cwd: makeTempDir() })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  }
})
