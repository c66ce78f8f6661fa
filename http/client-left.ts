/** Whether a request failed because its client left in the middle of the body: nobody's fault, nobody reads an answer, and it is not worth a line in the log. */
export function isClientLeft(error: unknown): boolean {
  // What node:http makes of a socket that closes before the end of a body.
  return error instanceof Error && error.message === 'aborted' && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
}
