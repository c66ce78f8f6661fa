/** The part of emailjs-imap-handler 3 that we use; the package has no types of its own. */
declare module 'emailjs-imap-handler' {
  export interface Attribute {
    readonly type: string
    readonly value: Uint8Array | string
    /** Of BODY[…]. */
    readonly section?: readonly Node[]
    /** Of BODY[]<from.count>. */
    readonly partial?: readonly number[]
  }
  /** A list is an array, NIL is null. */
  export type Node = Attribute | readonly Node[] | null
  interface Handler {
    /** Throws an Error for a command that does not parse. */
    parser(
      command: Uint8Array,
      options?: { readonly valueAsString?: boolean },
    ): { readonly tag?: string; readonly command?: string; readonly attributes?: readonly Node[] }
  }
  const handler: Handler
  export default handler
}
