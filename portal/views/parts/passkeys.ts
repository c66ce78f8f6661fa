/**
 * A button that works with a passkey. It is hidden until `passkeys.js` finds a browser that can; without script a line says that it needs one.
 *
 * The script fetches options by POST from `options`, runs the ceremony, posts the answer as JSON `{ "response": … }` to `answer`, and goes where the
 * answer `{ "to": "/…" }` says; `{ "problem": "…" }` is shown in the status line.
 */

import { type Html, type HtmlValue, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'
import type { PageContext } from '../page-context.ts'

export interface PasskeyButton {
  readonly options: string
  readonly answer: string
  readonly label: string
  /** The word on the line above the button; undefined: no line. */
  readonly or?: string | undefined
  /** `register` makes a new passkey and sends `name`, the value of the field with that id. */
  readonly act?: 'authenticate' | 'register' | undefined
  readonly nameField?: string | undefined
  /** Id of the field at which the browser offers passkeys by itself (conditional UI). */
  readonly conditional?: string | undefined
  readonly look?: string | undefined
}

export function passkeyButton(
  { options, answer, label, or, act = 'authenticate', nameField, conditional, look = 'btn wide' }: PasskeyButton,
  m: Messages,
  page: PageContext,
): HtmlValue {
  const button: Html = html`<div class="flow close passkey" data-passkey="${act}" data-options="${options}" data-answer="${answer}" data-library="${page.asset('simplewebauthn.js')}" data-failed="${m.passkeys.failed}"${nameField !== undefined && html` data-name-field="${nameField}"`}${conditional !== undefined && html` data-conditional="${conditional}"`} hidden><button class="${look}" type="button">${icons.passkey}${label}</button><p class="small soft" role="status"></p></div>`
  return html`${or !== undefined && html`<div class="or">${or}</div>`}${button}<noscript><p class="small muted">${m.passkeys.needScript}</p></noscript>`
}
