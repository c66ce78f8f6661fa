/**
 * docs/standards.md: which file does which duty of which RFC, collected from the comments of the code.
 *
 * A comment that cites `RFC 9051 §6.2.1` gives a row: the text after the citation where the comment begins with it,
 * else the sentence that holds it. `WORKAROUND(app and version): …` and `DEVIATION(RFC nnnn §x): …` have tables of their own.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatTable, generatedNotice } from './markdown.ts'
import { RFC_TITLES } from './rfc-titles.ts'

/** The folders that speak to the network; the others only use them. */
const FOLDERS = ['base', 'certs', 'gateway', 'management', 'store', 'upstream']

const INTRODUCTION = `# Standards

Which file does which duty of which RFC. The lines are the comments of the code, next to what does the duty; search the
file for the section to find it.
`

export interface Duty {
  readonly rfc: number
  readonly section: string
  readonly file: string
  readonly text: string
}

export interface Marked {
  readonly marker: string
  readonly subject: string
  readonly file: string
  readonly text: string
}

/** `root` is the directory of the repository. */
export function formatStandardsPage(root: string): string {
  const comments = FOLDERS.flatMap(folder => listSources(root, folder)).flatMap(file =>
    findComments(readFileSync(join(root, file), 'utf8')).map(text => ({ file, text })),
  )
  const duties = comments.flatMap(({ file, text }) => findDuties(file, text))
  const marked = comments.flatMap(({ file, text }) => findMarked(file, text))
  const rfcs = [...new Set(duties.map(duty => duty.rfc))].sort((a, b) => a - b)
  const sections = rfcs.map(rfc =>
    formatRfc(
      rfc,
      duties.filter(duty => duty.rfc === rfc),
    ),
  )
  const tables = [
    formatMarked('Deviations from a standard', 'DEVIATION', marked),
    formatMarked('Workarounds for what apps and servers do', 'WORKAROUND', marked),
  ]
  return [generatedNotice('the comments of the code'), INTRODUCTION, ...sections, ...tables.filter(table => table !== '')].join('\n')
}

function listSources(root: string, folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(name => `${folder}/${name}`)
    .sort()
}

/** The comments of a source: a run of `//` lines is one, a paragraph of a block is one. */
export function findComments(source: string): string[] {
  const comments: string[] = []
  let current: string[] = []
  let isInBlock = false
  const finish = () => {
    if (current.length > 0) comments.push(current.join(' ').trim())
    current = []
  }
  for (const line of source.split('\n')) {
    if (!isInBlock && /^\s*\/\*/.test(line)) {
      finish()
      isInBlock = true
    }
    if (isInBlock) {
      const text = line.replace(/^\s*(\/\*+|\*(?!\/))?\s?/, '').replace(/\s*\*+\/.*$/, '')
      if (text.trim() === '') finish()
      else current.push(text.trim())
      if (line.includes('*/')) {
        finish()
        isInBlock = false
      }
      continue
    }
    // A comment beside code ends with its line; "https://" has no blank before it.
    const [, code = '', text] = /^(.*?)(?<=^|\s)\/\/ (.*)$/.exec(line) ?? []
    if (text === undefined || code.trim() !== '' || startsEntry(text)) finish()
    if (text !== undefined) current.push(text.trim())
    if (code.trim() !== '') finish()
  }
  finish()
  return comments
}

function startsEntry(text: string): boolean {
  return /^(RFC \d|WORKAROUND\(|DEVIATION\(|SECURITY:)/.test(text)
}

/** "RFC 9051 §6.2.1, §11.1", "RFC 4959". */
const CITATION = /RFC (\d{3,5})((?:,? (?:and )?§[\d.]*\d)*)/g
const LEADING_CITATIONS = /^RFC \d{3,5}(?:,? (?:and )?(?:§[\d.]*\d|RFC \d{3,5}))*(?:: |\.?$)/

export function findDuties(file: string, comment: string): Duty[] {
  const isLeading = /^RFC \d/.test(comment)
  const passages = isLeading || startsEntry(comment) ? [comment] : comment.split(/(?<=[.!?])\s+(?=[A-Z`])/)
  return passages.flatMap(passage => {
    const text = isLeading ? passage.replace(LEADING_CITATIONS, '') : passage
    return [...passage.matchAll(CITATION)].flatMap(([, rfc, sections = '']) => {
      const numbers = sections.match(/§[\d.]*\d/g) ?? ['']
      return numbers.map(section => ({ rfc: Number(rfc), section, file, text: text === '' ? 'all of it' : text }))
    })
  })
}

export function findMarked(file: string, comment: string): Marked[] {
  const [, marker, subject, text] = /^(WORKAROUND|DEVIATION)\(([^)]*)\):?\s*(.*)$/s.exec(comment) ?? []
  return marker === undefined || subject === undefined || text === undefined ? [] : [{ marker, subject, file, text }]
}

function formatRfc(rfc: number, duties: readonly Duty[]): string {
  const title = RFC_TITLES[rfc]
  const sorted = duties.toSorted((a, b) => a.section.localeCompare(b.section, 'en', { numeric: true }) || a.file.localeCompare(b.file, 'en'))
  const rows = sorted.map(({ section, file, text }) => [section === '' ? '–' : section, formatFile(file), text])
  return `## RFC ${rfc}${title === undefined ? '' : `: ${title}`}\n\n${formatTable(['section', 'file', 'duty'], rows)}`
}

function formatMarked(title: string, marker: string, marked: readonly Marked[]): string {
  const rows = marked.filter(entry => entry.marker === marker).map(({ subject, file, text }) => [subject, formatFile(file), text])
  return rows.length === 0 ? '' : `## ${title}\n\n${formatTable(['of', 'file', 'what we do'], rows)}`
}

function formatFile(file: string): string {
  return `[${file}](../${file})`
}
