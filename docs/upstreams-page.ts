/** The tables of reply lines in docs/upstreams.md, from `upstream/reply-corpus.ts`; the rest of that page is written by hand. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReplyClass } from '../upstream/reply-classes.ts'
import { type CorpusLine, IMAP_REPLIES, SUBMISSION_REPLIES } from '../upstream/reply-corpus.ts'
import { formatTable } from './markdown.ts'

const BEGIN = '<!-- Made by `npm run docs` from `upstream/reply-corpus.ts`, up to the next such line. -->\n'
const END = '<!-- End of what is made. -->\n'

const MEANINGS: Readonly<Record<ReplyClass, string>> = {
  temporary: 'later',
  refused: 'refused',
  unclear: 'another form',
}

/** `root` is the directory of the repository. */
export function formatUpstreamsPage(root: string): string {
  const page = readFileSync(join(root, 'docs', 'upstreams.md'), 'utf8')
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error('docs/upstreams.md has lost the lines between which the tables of replies stand')
  const tables = `### IMAP\n\n${formatLines(IMAP_REPLIES)}\n### Submission\n\n${formatLines(SUBMISSION_REPLIES)}`
  return `${page.slice(0, from + BEGIN.length)}\n${tables}\n${page.slice(to)}`
}

function formatLines(lines: readonly CorpusLine[]): string {
  return formatTable(
    ['server', 'it says', 'taken for'],
    lines.map(({ server, line, means }) => [server, `\`${line}\``, MEANINGS[means]]),
  )
}
