/** The languages of the portal, and which of them a reader gets. */
import { de } from './de.ts'
import { en, type Messages } from './en.ts'
import { fr } from './fr.ts'

export type Language = 'en' | 'fr' | 'de'

export const LANGUAGES: readonly Language[] = ['en', 'fr', 'de']

/** Each in its own words: whoever looks for theirs reads no other. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', fr: 'Français', de: 'Deutsch' }

const ALL: Readonly<Record<Language, Messages>> = { en, fr, de }

export const messagesOf = (language: Language): Messages => ALL[language]

export const isLanguage = (text: string): text is Language => LANGUAGES.some(language => language === text)

/**
 * RFC 9110 §12.5.4: the language that a browser asks for with the highest weight; the first of equals, and English when it asks for none of ours.
 * At most 20 ranges are looked at.
 */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  let best: { readonly language: Language; readonly weight: number } | undefined
  for (const range of (acceptLanguage ?? '').split(',', 20)) {
    const [tag = '', ...parameters] = range
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/)
    const language = tag.split('-', 1)[0] ?? ''
    const quality = parameters.find(parameter => parameter.startsWith('q='))
    const weight = quality === undefined ? 1 : Number(quality.slice(2))
    if (isLanguage(language) && weight > 0 && weight > (best?.weight ?? 0)) best = { language, weight }
  }
  return best?.language ?? 'en'
}
