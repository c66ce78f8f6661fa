/** Puts other text into a model: into every string that a person or a peer could have written, and not into the words that say which kind it is. */

import { APPS } from '../devices/app-setup.ts'

/** Keys whose strings are words of a union, or paths that the portal makes. */
const WORDS =
  /^(kind|state|scope|scopes|act|filter|course|with|passwordKind|protocol|reason|through|secondStep|before|why|role|place|screen|security|tabs|rights|language|d|href|back|again|to|profileAction|firstUrl|next|previous|timeZones|timeZone|from|until|ends|kinds)$/

/** `app` is a choice of the set-up, or how an app called itself. */
const isAppChoice = (text: string): boolean => APPS.some(app => app === text)

export function replaceText(model: unknown, replace: (text: string, key: string) => string, key = ''): unknown {
  if (typeof model === 'string') return WORDS.test(key) || isAppChoice(model) ? model : replace(model, key)
  if (Array.isArray(model)) return model.map(item => replaceText(item, replace, key))
  if (typeof model !== 'object' || model === null) return model
  return Object.fromEntries(
    Object.entries(model).map(([name, value]) => [name, isFormPart(name) ? replaceForm(value, replace, name) : replaceText(value, replace, name)]),
  )
}

/** Values and errors of a form are text under whatever key. */
const isFormPart = (name: string): boolean => name === 'values' || name === 'errors'

function replaceForm(fields: unknown, replace: (text: string, key: string) => string, part: string): unknown {
  return Object.fromEntries(
    Object.entries(fields as Record<string, string>).map(([name, value]) => [
      name,
      WORDS.test(name) || value === 'on' || value === 'person' ? value : replace(value, part),
    ]),
  )
}
