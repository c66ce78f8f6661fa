/**
 * The version of the program, from its own package description.
 */
import { readFileSync } from 'node:fs'

/** From the sources and from `dist/` the description lies one or two folders up. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name: string; version: string }
      if (name === 'mailwicket') return version
    } catch {
      // Not there: the other place.
    }
  }
  return 'unknown'
}

export const VERSION = readVersion()
