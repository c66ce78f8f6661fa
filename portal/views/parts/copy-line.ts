/** A value to copy, with a button that the script brings to life. */

import { type Html, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'

export const copyLine = ({ id, label, value }: { readonly id: string; readonly label: string; readonly value: string }, m: Messages): Html =>
  html`<label class="t flush" for="${id}">${label}</label><div class="copyline"><input id="${id}" readonly value="${value}" data-secret><button class="btn primary" type="button" data-copy="${id}" data-copied="${m.words.copied}" data-press="${m.words.pressCopy}" hidden>${icons.copy}${m.words.copy}</button></div><p class="vh" role="status" id="copy-said"></p>`
