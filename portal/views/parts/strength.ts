/** The strength of a password while it is typed. Shown by `strength.js`, which loads its dictionaries only where this stands; without script the server says it. */

import { type Html, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import type { PageContext } from '../page-context.ts'

/** `field`: id of the input. */
export const strengthLine = (field: string, m: Messages, page: PageContext): Html =>
  html`<div data-strength="${field}" data-library="${page.asset('zxcvbn.js')}" data-words="${page.asset('zxcvbn-words.js')}" data-labels="${JSON.stringify(m.password.strengths)}" hidden><meter min="0" max="4" low="2" high="3" optimum="4" value="0" aria-label="${m.password.strength}"></meter><p class="small" role="status">${m.password.strength}: <b></b></p></div>`

export const newPasswordRules = (minLength: number, m: Messages): string => m.account.passwordRules(minLength)
