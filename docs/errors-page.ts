/** docs/errors.md, from the table of error codes. */
import { exitCodeOf } from '../admin-cli/frame/exit-codes.ts'
import { ERRORS, type ErrorCode, type ErrorKind, MailwicketError } from '../base/errors.ts'
import { formatTable, generatedNotice } from './markdown.ts'

const INTRODUCTION = `# Errors

Every error has a stable code. Commands print the message and what to do about it on standard error; with \`--json\` as one
JSON value with \`code\`, \`message\` and \`remedy\`. The log carries the code too. None of these texts reaches a mail app.
`

/** In the order of the page. */
const KINDS: Readonly<Record<ErrorKind, string>> = {
  usage: 'Wrong usage, input or configuration',
  'not-found': 'No such thing',
  'not-allowed': 'Not allowed',
  failed: 'Failed',
  temporary: 'Temporarily unavailable',
  client: 'What a peer on the network did (in the log only)',
  bug: 'Defects of Mailwicket',
}

export function formatErrorsPage(): string {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  const sections = Object.entries(KINDS).flatMap(([kind, title]) => {
    const ofKind = codes.filter(code => ERRORS[code].kind === kind)
    return ofKind.length === 0 ? [] : [formatKind(title, ofKind)]
  })
  return [generatedNotice('`base/errors.ts`'), INTRODUCTION, ...sections].join('\n')
}

function formatKind(title: string, codes: readonly ErrorCode[]): string {
  const rows = codes.map(code => [`\`${code}\``, String(exitCodeOf(new MailwicketError(code))), ERRORS[code].means, ERRORS[code].remedy])
  return `## ${title}\n\n${formatTable(['code', 'exit code', 'what happened', 'what to do'], rows)}`
}
