/**
 * The mail of the demo: a handful of messages as they come in real life (thread, accents and emoji, HTML, attachment).
 * The embedded server keeps text as ASCII, so everything else is encoded as RFC 2045 and RFC 2047 ask.
 */

export interface DemoMessage {
  /** Whole message, ASCII, CRLF. */
  readonly raw: string
  /** Milliseconds since 1970, UTC. */
  readonly at: number
  readonly flags: readonly string[]
}

export interface DemoMail {
  readonly inbox: readonly DemoMessage[]
  readonly sent: readonly DemoMessage[]
  readonly drafts: readonly DemoMessage[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

interface Draft {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly at: number
  /** Number for the Message-ID; a reply names the one it answers. */
  readonly number: number
  readonly replyTo?: number
  readonly contentType?: string
  readonly body: string
  readonly flags?: readonly string[]
}

const LIN = 'Lin Osei <lin@example.net>'
const SHOP = '=?UTF-8?Q?Caf=C3=A9_Zw=C3=B6lf?= <orders@shop.example.net>'

/** The messages of `address`, their dates counted back from `now`. */
export function makeDemoMail(address: string, now: number): DemoMail {
  const ada = `Ada Marin <${address}>`
  return {
    inbox: [
      makeMessage({
        number: 1,
        from: 'Mailwicket demo <demo@example.test>',
        to: ada,
        subject: 'Welcome: this mailbox is a demo',
        at: now - 3 * DAY_MS,
        body: WELCOME,
        flags: ['\\Seen'],
      }),
      makeMessage({
        number: 2,
        from: LIN,
        to: ada,
        subject: encodeWord('Mittagessen am Dienstag? 🥨 (Café Zwölf)'),
        at: now - 2 * DAY_MS,
        contentType: QUOTED_PLAIN,
        body: encodeQuoted(LUNCH),
        flags: ['\\Seen', '\\Answered'],
      }),
      makeMessage({
        number: 4,
        replyTo: 3,
        from: LIN,
        to: ada,
        subject: `Re: ${encodeWord('Mittagessen am Dienstag? 🥨 (Café Zwölf)')}`,
        at: now - 26 * HOUR_MS,
        contentType: QUOTED_PLAIN,
        body: encodeQuoted(LUNCH_AGAIN),
      }),
      makeMessage({
        number: 5,
        from: SHOP,
        to: ada,
        subject: 'Your invoice 2026-0117',
        at: now - 5 * HOUR_MS,
        contentType: `multipart/mixed; boundary="${BOUNDARY}"`,
        body: INVOICE,
      }),
      makeMessage({
        number: 6,
        from: 'Harbour Choir <news@choir.example.org>',
        to: ada,
        subject: 'Rehearsal moved to Thursday',
        at: now - HOUR_MS,
        contentType: `multipart/alternative; boundary="${BOUNDARY}"`,
        body: NEWSLETTER,
        flags: ['\\Flagged'],
      }),
    ],
    sent: [
      makeMessage({
        number: 3,
        replyTo: 2,
        from: ada,
        to: LIN,
        subject: `Re: ${encodeWord('Mittagessen am Dienstag? 🥨 (Café Zwölf)')}`,
        at: now - 47 * HOUR_MS,
        body: 'Gladly! Is half past twelve all right?\n\nAda\n',
        flags: ['\\Seen'],
      }),
    ],
    drafts: [
      makeMessage({
        number: 7,
        from: ada,
        to: 'news@choir.example.org',
        subject: 'Re: Rehearsal moved to Thursday',
        replyTo: 6,
        at: now - HOUR_MS / 2,
        body: 'Dear all,\n\nThursday suits me better any',
        flags: ['\\Seen', '\\Draft'],
      }),
    ],
  }
}

const QUOTED_PLAIN = 'text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable'
const BOUNDARY = 'next-part-5d1f'

function makeMessage(draft: Draft): DemoMessage {
  const { from, to, subject, at, number, replyTo, contentType = 'text/plain; charset=us-ascii', body, flags = [] } = draft
  const headers = [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <demo-${number}@example.test>`,
    ...(replyTo === undefined ? [] : [`In-Reply-To: <demo-${replyTo}@example.test>`, `References: <demo-${replyTo}@example.test>`]),
    'MIME-Version: 1.0',
    `Content-Type: ${contentType}`,
  ]
  return { raw: `${headers.join('\n')}\n\n${body}`.replace(/\n/g, '\r\n'), at, flags }
}

/** RFC 2047 §4.1, in words short enough for §2 (75 characters each). */
function encodeWord(text: string): string {
  const words: string[] = []
  // 30 octets become 40 characters of base 64; a character is never cut in two (§5).
  for (const character of text) {
    const last = words.at(-1)
    if (last !== undefined && Buffer.byteLength(last + character) <= 30) words[words.length - 1] = last + character
    else words.push(character)
  }
  return words.map(word => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ')
}

/** RFC 2045 §6.7, for lines that are short already. */
function encodeQuoted(text: string): string {
  const bytes = [...Buffer.from(text)]
  return bytes
    .map(byte =>
      byte === 0x0a || (byte >= 0x20 && byte <= 0x7e && byte !== 0x3d) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}

const WELCOME = `Hello Ada,

this mailbox lives in a small mail server inside the demo. It forgets
everything when the demo ends.

You are reading it through Mailwicket: your app logged in with the
password of one device, and the mail server never saw that password.
Revoke the device in a second terminal and this app is out.

  mailwicket device list
  mailwicket device revoke ada@example.test/phone
`

const LUNCH = `Liebe Ada,

hast du am Dienstag Zeit? Im Café Zwölf gibt es wieder Käsespätzle 🧀.

Schöne Grüße
Lin
`

const LUNCH_AGAIN = `> Gladly! Is half past twelve all right?

Perfekt, ich reserviere für 12:30 — Tisch am Fenster.

Lin
`

const CSV = `item,amount,price
"Espresso beans, 1 kg",2,31.80
"Paper filters, 100",1,4.20
`

const INVOICE = `--${BOUNDARY}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

${encodeQuoted('Dear Ada,\n\nplease find the items of your order attached. The total is 36.00 €.\n')}
--${BOUNDARY}
Content-Type: text/csv; charset=utf-8; name="invoice-2026-0117.csv"
Content-Disposition: attachment; filename="invoice-2026-0117.csv"
Content-Transfer-Encoding: base64

${Buffer.from(CSV).toString('base64')}
--${BOUNDARY}--
`

const NEWSLETTER = `--${BOUNDARY}
Content-Type: text/plain; charset=us-ascii

This week we sing on Thursday at 19:30 instead of Wednesday.
Please bring the blue folder.
--${BOUNDARY}
Content-Type: text/html; charset=us-ascii

<p>This week we sing on <b>Thursday at 19:30</b> instead of Wednesday.</p>
<p>Please bring the blue folder.</p>
--${BOUNDARY}--
`
