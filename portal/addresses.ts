/** Addresses and domains as people read them: in Unicode, with what the store and the servers know as the tool tip. */
import { domainToUnicode } from 'node:url'
import { type Html, html } from './html.ts'

/** A domain as people read it. The other spelling is `domain` itself. */
export const unicodeDomain = (domain: string): string => domainToUnicode(domain) || domain

/** An address as people read it. */
export function unicodeAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return at < 0 ? address : `${address.slice(0, at)}@${unicodeDomain(address.slice(at + 1))}`
}

/** An address or a domain, in Unicode; where that differs, the other spelling is the tool tip. */
export function showAddress(address: string): Html {
  const shown = address.includes('@') ? unicodeAddress(address) : address.includes('.') ? unicodeDomain(address) : address
  return html`<bdi${shown !== address && html` title="${address}"`}>${shown}</bdi>`
}
