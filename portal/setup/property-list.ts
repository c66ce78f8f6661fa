/** Property lists, as Apple's systems read them: XML with a key before each value of a dictionary. */
import { type Xml, xml } from './xml.ts'

export type PropertyValue = string | number | boolean | readonly PropertyValue[] | { readonly [key: string]: PropertyValue }

export function propertyList(value: PropertyValue): string {
  const doctype = '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">'
  return `<?xml version="1.0" encoding="UTF-8"?>\n${doctype}\n${xml`<plist version="1.0">${write(value)}</plist>`}\n`
}

/** Numbers are integers. */
function write(value: PropertyValue): Xml {
  if (typeof value === 'string') return xml`<string>${value}</string>`
  if (typeof value === 'number') return xml`<integer>${value}</integer>`
  if (typeof value === 'boolean') return value ? xml`<true/>` : xml`<false/>`
  if (isList(value)) return xml`<array>${value.map(write)}</array>`
  return xml`<dict>${Object.entries(value).map(([key, one]) => xml`<key>${key}</key>${write(one)}`)}</dict>`
}

const isList = (value: PropertyValue): value is readonly PropertyValue[] => Array.isArray(value)
