/**
 * A login that is no e-mail address: short enough to type, without anything that looks like an address, an ID of a device or an option.
 */
export const SHORT_LOGIN = /^[a-z0-9][a-z0-9._-]{0,63}$/
