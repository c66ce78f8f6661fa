/**
 * The one rule for names that people give: to devices, themselves, passkeys, tokens; and for the one-line notes of mailboxes.
 *
 * SECURITY: such a name is shown to others, in terminals, pages and mails. What is invisible, turns the direction of the text or ends a line
 * could make it look like another one, or like two.
 */
import { Problem } from '../../base/problems.ts'

/** Control, format (with the bidirectional ones), surrogate, private and unassigned characters; line and paragraph separators. */
const REFUSED = /[\p{C}\p{Zl}\p{Zp}]/u
/** At least one that can be seen: no space, no filler, no lone variation selector. */
const VISIBLE = /[^\p{Z}\p{Default_Ignorable_Code_Point}\p{M}]/u

export interface NameRule {
  /** As the message calls it: `a device’s name`. */
  readonly what: string
  readonly maxCharacters: number
  /** Characters that mean something where the name stands. */
  readonly without?: string
}

/** The name as it is stored. Throws BAD_INPUT. */
export function parsePlainName(text: string, { what, maxCharacters, without = '' }: NameRule): string {
  // Spaces of every kind look the same.
  const name = text
    .normalize('NFC')
    .replace(/\p{Zs}/gu, ' ')
    .trim()
  const isPlain = VISIBLE.test(name) && Array.from(name).length <= maxCharacters && !REFUSED.test(name)
  if (!isPlain || Array.from(without).some(sign => name.includes(sign))) {
    throw new Problem('name.form', { what, max: maxCharacters, without })
  }
  return name
}

/** As `parsePlainName`; nothing at all is null. */
export function parsePlainNameOrNull(text: string | null, rule: NameRule): string | null {
  return text === null || text.trim() === '' ? null : parsePlainName(text, rule)
}
