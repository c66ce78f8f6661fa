/** How a mail looks: the same words as plain text and as HTML without pictures, styles, scripts or anything that is fetched. */
import { type Html, html, join } from '../html.ts'

export interface MailText {
  readonly language: string
  readonly subject: string
  /** Paragraphs with an empty line between. */
  readonly text: string
  readonly footer?: string
}

export function formatMail({ language, subject, text, footer }: MailText): { readonly subject: string; readonly text: string; readonly html: string } {
  const paragraphs = text.split('\n\n').map(paragraph => html`<p>${join(paragraph.split('\n').map(linked), html`<br>`)}</p>\n`)
  const page = html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${subject}</title></head>
<body>
${paragraphs}${footer === undefined ? '' : html`<hr>\n<p><small>${linked(footer)}</small></p>\n`}</body></html>
`
  return {
    // SECURITY: whatever a name holds, a subject is one line.
    subject: subject.replace(/\p{Cc}+/gu, ' '),
    text: `${text}\n${footer === undefined ? '' : `\n-- \n${footer}\n`}`,
    html: String(page),
  }
}

/** Our own links stand at the end of a line; what looks like one in a name is text. */
function linked(line: string): Html {
  const at = line.lastIndexOf(' ') + 1
  const last = line.slice(at)
  return /^https?:\/\//.test(last) ? html`${line.slice(0, at)}<a href="${last}">${last}</a>` : html`${line}`
}
