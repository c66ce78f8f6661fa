/**
 * The settings of docs/clients.md as a person would use them: the files of a section are written into a home directory, its shell block is what is run.
 * Of each line only the server's name, its ports and the home directory are others.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SubmissionDevice } from '../fixtures/program/submission-stage.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/clients.md'), 'utf8')

interface Block {
  readonly language: string
  /** The file that the lines before the block name, `~/` and all. */
  readonly file: string | undefined
  readonly text: string
}

export interface Section {
  readonly blocks: readonly Block[]
  /** What a development certificate needs, where the program does not ask the system. */
  readonly trustLine: string | undefined
}

export function readSection(heading: string): Section {
  const [, text] = new RegExp(`^##+ ${heading.replace(/[().]/g, '\\$&')}\\n([\\s\\S]*?)(?=^##+ |(?![\\s\\S]))`, 'm').exec(page) ?? []
  if (text === undefined) throw new Error(`docs/clients.md has no section ${heading}`)
  const blocks = Array.from(text.matchAll(/^```(\S*)\n([\s\S]*?)^```/gm), ({ 1: language = '', 2: block = '', index }) => {
    const before = text.slice(0, index).split(/^```$/m).at(-1) ?? ''
    return { language, file: language === 'sh' ? undefined : /`([~/][^`]+)`/.exec(before)?.[1], text: block }
  })
  return { blocks, trustLine: /With a development certificate[^`\n]*: `([^`]+)`/.exec(text)?.[1] }
}

export class HomeDirectory {
  readonly dir: string
  readonly #device: SubmissionDevice

  /** With the password where the page says that it is, and with the authority of the test. */
  constructor(dir: string, device: SubmissionDevice) {
    this.dir = dir
    this.#device = device
    copyFileSync(device.imap.ca, join(dir, 'ca.pem'))
    this.write('~/.config/mailwicket-password', `${device.device.password}\n`)
    this.write('~/.netrc', readFileOf('Programs of the command line').replace('k7mq-x2pd-9rtf-h4wz-c8nb', device.device.password))
  }

  write(file: string, text: string): string {
    const path = join(this.dir, file.replace(/^~?\//, ''))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, this.fill(text))
    chmodSync(path, 0o600)
    return path
  }

  /** The files of a section, with the line that trusts the certificate. */
  writeFilesOf({ blocks, trustLine }: Section): void {
    for (const { file, text } of blocks) if (file !== undefined) this.write(file, trustLine === undefined ? text : withLine(text, trustLine))
  }

  /** What the page says to run. */
  commandsOf({ blocks }: Section): string {
    return this.fill(blocks.flatMap(({ language, text }) => (language === 'sh' ? [text] : [])).join(''))
  }

  fill(text: string): string {
    const { imap, smtp } = this.#device
    const ports: Readonly<Record<string, number>> = { 143: imap.starttlsPort, 465: smtp.port, 587: smtp.starttlsPort, 993: imap.port }
    return text
      .replaceAll('mail.example.com', 'localhost')
      .replaceAll('/home/anna', this.dir)
      .replace(/\b(?:143|465|587|993)\b/g, port => String(ports[port]))
  }
}

/** The only file of a section. */
function readFileOf(heading: string): string {
  return readSection(heading).blocks[0]?.text ?? ''
}

/** Instead of the line with the same key, or before the first that names the server. */
function withLine(text: string, line: string): string {
  const there = new RegExp(`^${line.slice(0, line.lastIndexOf(' '))} .*$`, 'm')
  return there.test(text) ? text.replace(there, line) : text.replace(/^.*mail\.example\.com/m, found => `${line}\n${found}`)
}
