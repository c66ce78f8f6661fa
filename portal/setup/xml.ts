/**
 * XML as it is written: every value in a template is escaped, whatever it is. The one place where text becomes markup is this file.
 */

/** A piece of XML that is well formed by its making. */
export class Xml {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

type XmlValue = string | number | Xml | readonly Xml[]

/** `` xml`<port>${port}</port>` ``. Throws a RangeError on what XML 1.0 cannot hold at all: control characters and halves of surrogate pairs. */
export function xml(parts: TemplateStringsArray, ...values: readonly XmlValue[]): Xml {
  return new Xml(parts.reduce((text, part, index) => `${text}${write(values[index - 1] ?? '')}${part}`))
}

/** With its declaration; UTF-8. */
export const xmlDocument = (root: Xml): string => `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`

function write(value: XmlValue): string {
  if (value instanceof Xml || typeof value === 'number') return String(value)
  return typeof value === 'string' ? escapeText(value) : value.join('')
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

function escapeText(text: string): string {
  // XML 1.0 §2.2. Said without the text: it may be a password.
  if (!/^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)) throw new RangeError('a character that XML cannot hold')
  return text.replace(/[&<>"']/g, sign => ENTITIES[sign] ?? '')
}
