/**
 * The password of a connection from the file that libpq reads too: PGPASSFILE, or ~/.pgpass. The only file that knows pgpass, which pg itself would
 * use with a warning on stderr.
 */
import pgpass from 'pgpass'

/** Undefined: there is no such file, others may read it, or it has no line for this connection. */
export function readPasswordFile(connection: Parameters<typeof pgpass>[0]): Promise<string | undefined> {
  return new Promise(resolve => pgpass(connection, resolve))
}
