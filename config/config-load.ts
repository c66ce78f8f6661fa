/**
 * Finds and reads the configuration file: `--config`, else `$MAILWICKET_CONFIG`, else `./mailwicket.toml`,
 * else `/etc/mailwicket/mailwicket.toml`. A file that was named is never replaced by another one.
 */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MailwicketError } from '../base/errors.ts'
import { checkEnds, reasonOf, remedyOf } from '../base/files/file-errors.ts'
import type { Config } from './config.ts'
import { parseConfig } from './config-parse.ts'
import { configInvalid } from './config-problems.ts'

export interface ConfigSource {
  /** Value of `--config`. */
  readonly file?: string | undefined
  /** Value of `$MAILWICKET_CONFIG`; empty counts as not set. */
  readonly environmentFile?: string | undefined
  /** Directory in which `mailwicket.toml` is looked for, and from which the two above are relative. */
  readonly cwd: string
}

export const SYSTEM_FILE = '/etc/mailwicket/mailwicket.toml'

/** Throws CONFIG_NOT_FOUND, or CONFIG_INVALID with every problem of the file. */
export function loadConfig(source: ConfigSource): Config {
  const path = findConfigFile(source)
  return parseConfig(readText(path), path)
}

/** Absolute path of the file to read. Throws CONFIG_NOT_FOUND. */
export function findConfigFile({ file, environmentFile, cwd }: ConfigSource): string {
  if (file !== undefined) return resolveNamed(cwd, file, '--config')
  if (environmentFile !== undefined && environmentFile !== '') return resolveNamed(cwd, environmentFile, '$MAILWICKET_CONFIG')
  const candidates = [resolve(cwd, 'mailwicket.toml'), SYSTEM_FILE]
  // `sudo -u mailwicket` keeps root's working folder: what may not even be looked for there is not meant.
  const found = candidates.find(path => exists(path, path === SYSTEM_FILE ? 'closed folders count' : 'closed folders do not count'))
  if (found === undefined)
    throw new MailwicketError('CONFIG_NOT_FOUND', { message: `There is no configuration file: neither ${candidates.join(' nor ')} exists.` })
  return found
}

function resolveNamed(cwd: string, file: string, origin: string): string {
  const path = resolve(cwd, file)
  if (exists(path)) return path
  throw new MailwicketError('CONFIG_NOT_FOUND', {
    message: `There is no configuration file ${path}, which ${origin} names.`,
    remedy: `Correct ${origin}, or make the file with \`mailwicket init\`.`,
  })
}

function exists(path: string, closed: 'closed folders count' | 'closed folders do not count' = 'closed folders count'): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    // A path through a file is no path; what may not be looked at exists: reading it then says why it fails.
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ENOTDIR' && (code !== 'EACCES' || closed === 'closed folders count')
  }
}

function readText(path: string): string {
  try {
    checkEnds(path)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    if (error instanceof TypeError) throw configInvalid(path, [{ key: 'the file', text: 'is not UTF-8 text' }])
    throw new MailwicketError('CONFIG_NOT_FOUND', {
      message: `The configuration file ${path} cannot be read: ${reasonOf(error, path)}.`,
      remedy: `${remedyOf(error, path)} Another file is named with \`--config\`.`,
      cause: error,
    })
  }
}
