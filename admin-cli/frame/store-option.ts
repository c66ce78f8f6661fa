/**
 * A database that is named on the command line: `sqlite:PATH` or `postgres://…`.
 */
import { resolve } from 'node:path'
import { MailwicketError } from '../../base/errors.ts'
import type { StoreConfig } from '../../config/config.ts'

/** Relative paths begin at `directory`. Throws BAD_INPUT. */
export async function readStoreOption(option: string, text: string, directory: string): Promise<StoreConfig> {
  const [{ parseStoreUrl }, { placeStore }] = await Promise.all([import('../../config/store-url.ts'), import('../../config/config-parse.ts')])
  const wrong = (message: string, remedy: string) => new MailwicketError('BAD_INPUT', { message: `${option} ${message}`, remedy })
  let url: ReturnType<typeof parseStoreUrl>
  try {
    url = parseStoreUrl(text)
  } catch (error) {
    throw wrong((error as Error).message, `For example: ${option} postgres://mailwicket@db.internal/mailwicket`)
  }
  // SECURITY: others on this machine see the arguments of a command.
  if ('postgres' in url && url.postgres.password !== undefined)
    throw wrong('holds a password.', 'Put the password into ~/.pgpass (0600): HOST:PORT:DATABASE:USER:PASSWORD')
  return placeStore(url, path => resolve(directory, path))
}
