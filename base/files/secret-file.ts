/** A secret that the configuration names by its file: the master user's of an upstream, that of the server by which the portal sends mail. */
import { readFileSync, statSync } from 'node:fs'
import { MailwicketError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { reasonOf, remedyOf } from './file-errors.ts'
import { isExposed, ourIdentity } from './private-file-mode.ts'

/** `whose` is part of the message: `the master user's secret`. Throws KEY_UNREADABLE, or KEY_EXPOSED where others can read it. */
export function readSecretFile(path: string, whose: string): Secret {
  try {
    // SECURITY: whoever reads this file can log in as we do.
    if (isExposed(statSync(path), ourIdentity()))
      throw new MailwicketError('KEY_EXPOSED', { message: `others can read ${path}`, remedy: `Run \`chmod 600 ${path}\`.` })
    return Secret.fromText(readFileSync(path, 'utf8').replace(/\r?\n$/, ''))
  } catch (error) {
    if (error instanceof MailwicketError) throw error
    throw new MailwicketError('KEY_UNREADABLE', {
      message: `${whose} ${path} cannot be read: ${reasonOf(error, path)}`,
      remedy: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'Write the secret to the file that secret_file names.' : remedyOf(error, path),
      cause: error,
    })
  }
}
