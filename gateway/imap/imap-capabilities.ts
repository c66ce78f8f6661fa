/**
 * What we offer before login. One constant a state; every token is honoured, and a test tries each of them.
 * LITERAL+ (RFC 7888), SASL-IR (RFC 4959), ID (RFC 2971). After login the client hears the upstream's own list.
 */

export const CAPABILITIES = {
  // RFC 9051 §6.2.1, §11.1: offer STARTTLS, forbid LOGIN before it, and offer no mechanism there.
  plain: 'IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED',
  secure: 'IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN',
} as const
