/**
 * Moves the data of one message from the client to the upstream, untouched, with back-pressure, up to its true end.
 *
 * The final dot goes on last: before it, dropping the upstream means that it accepts nothing. A message that is refused half-way is still
 * read to the end its sender gave it, so that the client hears the refusal and does not send the rest as commands.
 */
import { LIMITS } from '../limits.ts'
import type { Wire } from '../wire.ts'
import { EndOfData } from './end-of-data.ts'
import { writeTogether } from './smtp-wire.ts'

export type PayloadOutcome = 'sent' | 'look-alike' | 'upstream-gone' | { readonly refused: string }

export interface Payload {
  readonly client: Wire
  readonly upstream: Wire
  /** Looks at the header; undefined: nothing of the message is looked at. */
  readonly header: HeaderCheck | undefined
  /** False once the upstream has closed or answered before the end. */
  readonly isUpstreamAlive: () => boolean
}

/** Takes the beginning of a message until its header is complete. */
export interface HeaderCheck {
  /** `hold`: not complete yet; a string: the reply that refuses the message. */
  push(bytes: Buffer): 'hold' | 'pass' | { readonly refused: string }
}

/** Rejects when the client leaves in the middle. */
export async function relayPayload({ client, upstream, header, isUpstreamAlive }: Payload): Promise<{ outcome: PayloadOutcome; bytes: number }> {
  const end = new EndOfData()
  const pressure = new BackPressure(client, upstream)
  let held: Buffer[] | undefined = header === undefined ? undefined : []
  let refusal: Exclude<PayloadOutcome, 'sent'> | undefined
  let bytes = 0
  const refuse = (why: Exclude<PayloadOutcome, 'sent'>) => {
    refusal ??= why
    // SECURITY: before its final dot, so that the upstream accepts nothing of this message.
    upstream.socket.destroy()
  }
  /** Holds back what the header check wants to see; gives what may go on. */
  const checkHeader = (pass: Buffer, isEnd: boolean): Buffer => {
    if (held === undefined || header === undefined) return pass
    held.push(Buffer.from(pass))
    const verdict = header.push(pass)
    if (typeof verdict === 'object') refuse(verdict)
    if (verdict === 'hold' && !isEnd) return NOTHING
    const whole = Buffer.concat(held)
    held = undefined
    return whole
  }
  await client
    .stream(chunk => {
      let scan = end.scan(chunk)
      if (scan.verdict === 'look-alike') {
        refuse('look-alike')
        end.tolerateLookAlikes()
        scan = end.scan(scan.rest)
      }
      bytes += scan.pass.length
      if (refusal === undefined && !isUpstreamAlive()) refuse('upstream-gone')
      const goesOn = refusal === undefined ? checkHeader(scan.pass, scan.verdict === 'end') : NOTHING
      if (refusal === undefined && goesOn.length > 0) pressure.write(goesOn)
      return scan.verdict === 'end' ? scan.rest : undefined
    })
    .finally(() => pressure.stop())
  return { outcome: refusal ?? (isUpstreamAlive() ? 'sent' : 'upstream-gone'), bytes }
}

const NOTHING = Buffer.alloc(0)

/** Writes to the upstream; does not read the client while the upstream is slow. */
class BackPressure {
  readonly #client: Wire
  readonly #upstream: Wire
  #timer: NodeJS.Timeout | undefined

  constructor(client: Wire, upstream: Wire) {
    this.#client = client
    this.#upstream = upstream
    upstream.socket.on('drain', this.#goOn)
    upstream.socket.on('close', this.#goOn)
  }

  write(bytes: Buffer): void {
    const { socket } = this.#upstream
    if (writeTogether(this.#upstream, bytes)) return
    this.#client.socket.pause()
    // An upstream that takes nothing for so long is given up: the client is not read meanwhile, so its end would not be heard either.
    this.#timer ??= setTimeout(() => socket.destroy(), LIMITS.uploadStallMs)
  }

  stop(): void {
    this.#goOn()
    this.#upstream.socket.off('drain', this.#goOn)
    this.#upstream.socket.off('close', this.#goOn)
  }

  readonly #goOn = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#client.socket.resume()
  }
}
