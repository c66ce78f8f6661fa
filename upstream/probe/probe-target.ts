/**
 * Where and how a probe connects.
 */
import { readFileSync } from 'node:fs'
import { MailwicketError } from '../../base/errors.ts'
import type { UpstreamConfig, UpstreamEndpoint, UpstreamTls } from '../../config/config.ts'

export interface ProbeTarget {
  readonly host: string
  readonly port: number
  readonly tls: UpstreamTls
  /** PEM files with the only authorities to trust; undefined: the system's. */
  readonly ca: string | readonly string[] | undefined
  /** Name the certificate must have, where it is not `host`. */
  readonly serverName?: string
  /** Trust exactly the certificates of `ca`, also when none of them is an authority. */
  readonly pinned?: boolean
  /** It expects a PROXY header ahead of everything else. */
  readonly wantsHeader?: boolean
}

/** Where and how a probe connects to one of its servers. */
export function probeTargetOf({ ca, forwardClient }: UpstreamConfig, endpoint: UpstreamEndpoint): ProbeTarget {
  return { ...endpoint, ca, wantsHeader: forwardClient === 'proxy' }
}

export function readAuthorities(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new MailwicketError('CERTIFICATE_INVALID', { message: `${path}: ${(error as Error).message}`, cause: error })
  }
}
