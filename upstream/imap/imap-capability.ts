/**
 * The capabilities that an upstream tells: what of them may stand in a reply of ours, and whether one is there.
 */

/** SECURITY: capabilities are atoms (RFC 9051 §9); anything else would let an upstream write into our reply. */
const ATOM = /^[\x21\x23\x24\x26\x27\x2b-\x5b\x5e-\x7a\x7c\x7e]+$/

/** Its atoms; what is none is left out, a good server with one odd token is a good server. Undefined: there is none. */
export function capabilitiesIn(list: string | undefined): string | undefined {
  const atoms = list?.split(' ').filter(token => ATOM.test(token)) ?? []
  return atoms.length === 0 ? undefined : atoms.join(' ')
}

export function has(capabilities: string, name: string): boolean {
  return ` ${capabilities.toUpperCase()} `.includes(` ${name} `)
}
