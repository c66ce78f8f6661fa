/**
 * What a figure is worth without: the day, the machine, the versions, and how busy the machine was.
 */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { readDovecotVersion } from './peers/dovecot.ts'
import { readMailwicketVersion } from './peers/mailwicket.ts'
import { readNginxVersion } from './peers/nginx.ts'

export interface Facts {
  /** `2026-11-26 22:04 UTC` */
  readonly at: string
  readonly machine: string
  readonly kernel: string
  readonly versions: readonly string[]
  /** Of one minute, before the measurement and after it. */
  readonly load: readonly [before: number, after: number]
}

export function readLoad(): number {
  return loadavg()[0] ?? Number.NaN
}

export function readFacts(loadBefore: number): Facts {
  const cores = cpus()
  return {
    at: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    machine: `${cores.length} × ${cores[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    versions: [readMailwicketVersion(), readNginxVersion(), readDovecotVersion(), `Node ${process.versions.node} (OpenSSL ${process.versions.openssl})`],
    load: [loadBefore, readLoad()],
  }
}
