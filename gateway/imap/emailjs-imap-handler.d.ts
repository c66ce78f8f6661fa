/** The part of emailjs-imap-handler 3 that we use; the package has no types of its own. */
declare module 'emailjs-imap-handler' {
  export interface Attribute {
    readonly type: string
    readonly value: Uint8Array | string
  }
  interface Handler {
    /** Throws an Error for a command that does not parse. */
    parser(
      command: Uint8Array,
      options?: { readonly valueAsString?: boolean },
    ): { readonly attributes?: readonly (Attribute | readonly (Attribute | null)[] | null)[] }
  }
  const handler: Handler
  export default handler
}
