/**
 * One command line, read the same way before and after login: which verb, which argument. Whoever gets a command further on gets it in this
 * form, so that no two parsers can see different verbs in one line.
 */

export interface SmtpCommand {
  /** In upper case. */
  readonly verb: string
  /** Without the blanks around it; Latin-1, so that every byte stays. */
  readonly argument: string
}

/** `line` without its line end. Undefined: no command, because of a NUL or a bare CR in it, or because it does not begin with a verb. */
export function parseCommand(line: Buffer): SmtpCommand | undefined {
  const text = trimBlanks(line.toString('latin1'))
  if (text.includes('\0') || text.includes('\r')) return undefined
  const [verb = ''] = text.split(/[ \t]/, 1)
  if (!/^[A-Za-z]{1,32}$/.test(verb)) return undefined
  return { verb: verb.toUpperCase(), argument: trimBlanks(text.slice(verb.length)) }
}

export function formatCommand({ verb, argument }: SmtpCommand): string {
  return argument === '' ? verb : `${verb} ${argument}`
}

/** Not `trim()`, which takes away what is a letter in Latin-1. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start += 1
  while (end > start && isBlank(text[end - 1])) end -= 1
  return text.slice(start, end)
}

function isBlank(letter: string | undefined): boolean {
  return letter === ' ' || letter === '\t'
}
