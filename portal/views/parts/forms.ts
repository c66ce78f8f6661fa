/**
 * Forms and their fields. Each field carries its label, its hint and what was wrong with it, tied together by `aria-describedby`; the first wrong one
 * gets the focus when a form comes back. A form needs no CSRF field: `Sec-Fetch-Site` is judged for every POST.
 */

import { type Html, type HtmlValue, html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import { icons } from '../icons.ts'
import type { FormState } from '../page-context.ts'
import { note } from './notes.ts'

export interface Form {
  readonly action: string
  readonly state: FormState
  /** `card pad`, or nothing for a form inside a card. */
  readonly look?: 'card pad' | 'setup' | undefined
  readonly fields: HtmlValue
  /** The buttons. */
  readonly acts: HtmlValue
  /** Fields are whole without the browser's own bubbles: errors stand beside them, in the reader's language. */
  readonly id?: string | undefined
}

export function form({ action, state, look, fields, acts, id }: Form, m: Messages): Html {
  return html`<form method="post" action="${action}"${look !== undefined && html` class="${look}"`}${id !== undefined && html` id="${id}"`} novalidate>${problemOf(state)}${guards(state)}${fields}<div class="acts">${acts}</div>${
    state.confirmNeeded === true && html`<p class="small muted" data-confirm-needed>${m.words.confirmComes}</p>`
  }</form>`
}

export function problemOf(state: FormState): HtmlValue {
  return state.problem !== undefined && note({ tone: 'bad', icon: icons.warning, text: state.problem, role: 'alert' })
}

/** What makes a form count once, and finds that another one changed its row. */
export function guards(state: FormState): HtmlValue {
  return [
    state.once !== undefined && html`<input type="hidden" name="once" value="${state.once}">`,
    state.version !== undefined && html`<input type="hidden" name="version" value="${state.version}">`,
  ]
}

/** A button that is a form of its own: pause, resume, revoke. */
export function postButton(action: string, state: FormState, label: HtmlValue, look = 'btn s', name?: string): Html {
  return html`<form method="post" action="${action}" class="inline">${guards(state)}<button class="${look}"${name !== undefined && html` aria-label="${name}"`}>${label}</button></form>`
}

export interface TextField {
  readonly name: string
  readonly label: HtmlValue
  /** Grey, after the label: shown in lists; one a line. */
  readonly aside?: string | undefined
  readonly hint?: HtmlValue
  /** What stands there when nothing was typed yet. */
  readonly value?: string | undefined
  readonly type?: 'text' | 'password' | 'date' | 'search' | 'email' | 'number' | undefined
  readonly rows?: number | undefined
  readonly required?: boolean | undefined
  readonly maxLength?: number | undefined
  readonly placeholder?: string | undefined
  readonly autocomplete?: string | undefined
  readonly inputMode?: 'numeric' | 'email' | undefined
  /** For logins, codes and host names: no capitals, no spelling. */
  readonly literal?: boolean | undefined
  readonly look?: 'code' | undefined
  readonly list?: string | undefined
  readonly focus?: boolean | undefined
  readonly min?: string | undefined
}

export function textField(field: TextField, state: FormState): Html {
  const { name, type = 'text' } = field
  const error = state.errors?.[name]
  const value = type === 'password' ? undefined : (state.values?.[name] ?? field.value)
  const described = [error !== undefined && `${name}-error`, field.hint !== undefined && `${name}-hint`].filter(Boolean).join(' ')
  const first = Object.keys(state.errors ?? {})[0]
  const attributes = html`id="${name}" name="${name}"${field.required === true && html` required`}${field.maxLength !== undefined && html` maxlength="${field.maxLength}"`}${field.placeholder !== undefined && html` placeholder="${field.placeholder}"`}${field.autocomplete !== undefined && html` autocomplete="${field.autocomplete}"`}${field.inputMode !== undefined && html` inputmode="${field.inputMode}"`}${field.literal === true && html` autocapitalize="none" spellcheck="false"`}${field.look !== undefined && html` class="${field.look}"`}${described !== '' && html` aria-describedby="${described}"`}${error !== undefined && html` aria-invalid="true"`}${(first === name || (first === undefined && field.focus === true)) && html` autofocus`}`
  return html`<div><label class="t" for="${name}">${field.label}${field.aside !== undefined && html` <span class="opt">${field.aside}</span>`}</label>${
    field.rows === undefined
      ? html`<input ${attributes} type="${type}"${value !== undefined && html` value="${value}"`}${field.min !== undefined && html` min="${field.min}"`}${field.list !== undefined && html` list="${field.list}"`}>`
      : html`<textarea ${attributes} rows="${field.rows}">
${value}</textarea>`
  }${error !== undefined && errorLine(name, error)}${field.hint !== undefined && html`<p class="hint" id="${name}-hint">${field.hint}</p>`}</div>`
}

export const errorLine = (name: string, error: string): Html => html`<p class="err" id="${name}-error" role="alert">${icons.warning}<span>${error}</span></p>`

export interface Choice {
  readonly value: string
  readonly label: HtmlValue
  /** What it means, in small letters; `cards` only. */
  readonly about?: HtmlValue
}

export interface ChoiceField {
  readonly name: string
  readonly legend: HtmlValue
  readonly choices: readonly Choice[]
  /** Of the values; when nothing was chosen yet. */
  readonly value: string
  /** `row`: buttons beside each other; `cards`: with an explanation, beside each other; `stack`: below each other. */
  readonly look: 'row' | 'cards' | 'stack'
}

export function choiceField({ name, legend, choices, value, look }: ChoiceField, state: FormState): Html {
  const chosen = state.values?.[name] ?? value
  const error = state.errors?.[name]
  const input = (choice: Choice) => html`<input type="radio" name="${name}" value="${choice.value}"${choice.value === chosen && html` checked`}>`
  const body =
    look === 'row'
      ? html`<div class="seg">${choices.map(choice => html`<label>${input(choice)}${choice.label}</label>`)}</div>`
      : html`<div class="opts ${look === 'stack' && 'one'}">${choices.map(choice => html`<label>${input(choice)}<span><b>${choice.label}</b>${choice.about !== undefined && html`<small>${choice.about}</small>`}</span></label>`)}</div>`
  return html`<fieldset${error !== undefined && html` aria-describedby="${name}-error"`}><legend>${legend}</legend>${body}${error !== undefined && errorLine(name, error)}</fieldset>`
}

/** Boxes of which any number may be ticked; each has a name of its own, and its value is `on`. */
export function checkCards(legend: HtmlValue, boxes: readonly (Choice & { readonly checked: boolean })[], state: FormState): Html {
  return html`<fieldset><legend>${legend}</legend><div class="opts one">${boxes.map(
    ({ value, label, about, checked }) =>
      html`<label><input type="checkbox" name="${value}" value="on"${isTicked(value, checked, state) && html` checked`}><span><b>${label}</b>${about !== undefined && html`<small>${about}</small>`}</span></label>`,
  )}</div></fieldset>`
}

/** A form that came back holds only the boxes that were ticked. */
const isTicked = (name: string, initially: boolean, state: FormState): boolean => (state.values === undefined ? initially : state.values[name] === 'on')

export interface SwitchField {
  readonly name: string
  readonly label: string
  readonly about?: HtmlValue
  readonly on: boolean
}

export const switchField = ({ name, label, about, on }: SwitchField, state: FormState): Html =>
  html`<label><div><b>${label}</b>${about !== undefined && html`<p class="small muted">${about}</p>`}</div><input class="sw" type="checkbox" role="switch" name="${name}" value="on"${isTicked(name, on, state) && html` checked`}></label>`

export interface SelectField {
  readonly name: string
  readonly label: HtmlValue
  readonly aside?: string | undefined
  readonly hint?: HtmlValue
  readonly options: readonly { readonly value: string; readonly label: string; readonly lang?: string | undefined }[]
  readonly value?: string | undefined
}

export function selectField({ name, label, aside, hint, options, value }: SelectField, state: FormState): Html {
  const chosen = state.values?.[name] ?? value
  const error = state.errors?.[name]
  const described = [error !== undefined && `${name}-error`, hint !== undefined && `${name}-hint`].filter(Boolean).join(' ')
  return html`<div><label class="t" for="${name}">${label}${aside !== undefined && html` <span class="opt">${aside}</span>`}</label><select id="${name}" name="${name}"${described !== '' && html` aria-describedby="${described}"`}${error !== undefined && html` aria-invalid="true"`}>${options.map(
    option =>
      html`<option value="${option.value}"${option.lang !== undefined && html` lang="${option.lang}"`}${option.value === chosen && html` selected`}>${option.label}</option>`,
  )}</select>${error !== undefined && errorLine(name, error)}${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}</div>`
}

/** The button that does what the page is for, and the way out. */
export const submit = (label: HtmlValue, look: 'primary' | 'danger' = 'primary'): Html => html`<button class="btn ${look}">${label}</button>`
export const cancel = (href: string, label: string): Html => html`<a class="btn quiet" href="${href}">${label}</a>`
