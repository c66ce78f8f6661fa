/** Thrown where a person pressed Ctrl-C at a question: the command says nothing more and ends with 130, as shells do. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}
