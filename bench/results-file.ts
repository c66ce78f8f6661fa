/**
 * bench/RESULTS.md: written by a full run, but for what stands below the marker, which people write and the run keeps.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { ResultRow } from './result-row.ts'

const PATH = new URL('./RESULTS.md', import.meta.url).pathname
const MARKER = '<!-- Written by hand below this line; `npm run bench` keeps it. -->'

export function writeResults(rows: readonly ResultRow[], versions: readonly string[], largeStore: number): void {
  const kept = existsSync(PATH) ? readFileSync(PATH, 'utf8').split(MARKER)[1] : undefined
  const text = [
    '# Results of the last `npm run bench`',
    '',
    ...formatFacts(versions, largeStore),
    '',
    ...formatTable(rows),
    '',
    '## Raw figures',
    '',
    'Medians of three interleaved rounds. CPU is user and system time of all processes of a peer, from the kernel’s accounting.',
    '',
    ...rows.filter(row => row.raw.length > 0).flatMap(row => [`### ${row.what}`, '', ...row.raw, '']),
    MARKER,
  ]
  writeFileSync(PATH, text.join('\n') + (kept ?? '\n\n## What was tried\n'))
}

export function formatTable(rows: readonly ResultRow[]): string[] {
  return [
    '| what | goal | result | reached |',
    '|---|---|---|---|',
    ...rows.map(({ what, goal, result, isReached }) => `| ${what} | ${goal} | ${result} | ${isReached ? 'yes' : '**no**'} |`),
  ]
}

function formatFacts(versions: readonly string[], largeStore: number): string[] {
  const cores = cpus()
  return [
    `* ${new Date().toISOString().slice(0, 10)}, ${cores.length} × ${cores[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `* ${versions.join(', ')}, Node ${process.versions.node} (OpenSSL ${process.versions.openssl})`,
    '* All peers: one process or worker, the same P-256 certificate, TLS 1.3 with X25519 and AES-256-GCM, in front of the same Dovecot (plain IMAP) or SMTP sink, on one machine with the load.',
    `* Large store: ${largeStore.toLocaleString('en')} devices.`,
  ]
}
