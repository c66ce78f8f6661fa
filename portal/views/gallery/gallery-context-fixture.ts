/** A page as the tests and the pictures draw it: Anna, who administrates, on a Thursday morning in Zurich. */
import { makeFormats } from '../../messages/formats.ts'
import type { Language } from '../../messages/languages.ts'
import type { AssetName } from '../asset-names.ts'
import type { PageContext, Reader } from '../page-context.ts'

/** 26 November 2026, 08:54 in Zurich. */
export const NOW = Date.parse('2026-11-26T07:54:11Z')
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const anna: Reader = {
  name: 'Anna Keller',
  login: 'anna@example.test',
  navigation: [
    { place: 'services', count: 24 },
    { place: 'people', count: 38 },
    { place: 'invitations', count: 3 },
    { place: 'activity' },
    { place: 'account' },
  ],
}

export const mina: Reader = {
  name: 'Mina Park',
  login: 'mina@example.test',
  navigation: [{ place: 'mailboxes' }, { place: 'activity' }, { place: 'account' }],
}

export interface ContextChoice {
  readonly language?: Language | undefined
  readonly reader?: Reader | undefined
  readonly asset?: ((name: AssetName) => string) | undefined
}

export function galleryContext({ language = 'en', reader, asset = name => `/assets/${name}` }: ContextChoice = {}): PageContext {
  return {
    language,
    formats: makeFormats({ language, timeZone: 'Europe/Zurich', now: NOW }),
    asset,
    host: 'mail.example.test',
    path: '/services',
    helpUrl: 'https://devices.example.test/help',
    ...(reader !== undefined && { reader }),
  }
}
