/**
 * One connection to the demo's mail server: IMAP4rev1 as far as mail apps use it (RFC 3501).
 * Only for the demo on 127.0.0.1: one user, nothing on a disk, and none of the walls that the gateway has before login.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Node } from 'emailjs-imap-handler'
import { Wire } from '../../base/sockets/wire.ts'
import { MAX_LINE_BYTES, Refused, readArguments, readCommand } from './demo-imap-command.ts'
import { fetchData, listOf, readItems, readSearch, readSet, textOf } from './demo-imap-fetch.ts'
import { DemoMailbox, type StoredMessage } from './demo-imap-mailbox.ts'
import { nstring } from './demo-imap-message.ts'

export interface DemoAccount {
  readonly address: string
  readonly password: string
  readonly mailboxes: Map<string, DemoMailbox>
}

const CAPABILITIES = 'IMAP4rev1 ID SASL-IR AUTH=PLAIN NAMESPACE IDLE ENABLE LITERAL+ UNSELECT SPECIAL-USE MOVE'
const FLAGS = '\\Answered \\Flagged \\Deleted \\Seen \\Draft'
export class DemoImapSession {
  readonly #account: DemoAccount
  readonly #wire: Wire
  #isLoggedIn = false
  #selected: { readonly mailbox: DemoMailbox; readonly isReadOnly: boolean; readonly stop: () => void } | undefined
  /** Changes that the client was not told yet: RFC 3501 §5.5, not while a FETCH, STORE or SEARCH is answered. */
  #news: string[] = []
  #isIdle = false

  constructor(account: DemoAccount, socket: Socket) {
    this.#account = account
    this.#wire = new Wire(socket, MAX_LINE_BYTES)
  }

  /** Serves it until it leaves. Never rejects. */
  async run(): Promise<void> {
    this.#say(`* OK [CAPABILITY ${CAPABILITIES}] Mailwicket demo`)
    try {
      while (await this.#serve());
    } catch {
      // The client has left, or said more than fits.
    }
    this.#unselect()
    this.#wire.socket.end()
  }

  async #serve(): Promise<boolean> {
    const command = await readCommand(this.#wire, () => this.#say('+ go on'))
    const [, tag = '*', name = ''] = /^(\S+) ?((?:UID )?\S*)/i.exec(command.toString('latin1', 0, 200)) ?? []
    const verb = name.toUpperCase()
    try {
      const answer = await this.#act(verb, readArguments(command, verb))
      if (!/^(UID )?(FETCH|STORE|SEARCH)$/.test(verb)) this.#tellNews()
      this.#say(`${tag} OK ${answer === '' ? `${verb} done` : answer}`)
    } catch (error) {
      if (error instanceof RangeError) this.#say(`${tag} BAD ${error.message}`)
      else if (error instanceof Refused) this.#say(`${tag} ${error.status} ${error.message}`)
      else throw error
    }
    return verb !== 'LOGOUT'
  }

  async #act(verb: string, words: readonly Node[]): Promise<string> {
    switch (verb) {
      case 'CAPABILITY':
        this.#say(`* CAPABILITY ${CAPABILITIES}`)
        return ''
      case 'NOOP':
      case 'CHECK':
        return ''
      case 'ID':
        this.#say('* ID ("name" "Mailwicket demo")')
        return ''
      case 'LOGOUT':
        this.#say('* BYE see you')
        return ''
      case 'LOGIN':
        return this.#logIn(textOf(words[0]), textOf(words[1]))
      case 'AUTHENTICATE':
        return this.#authenticate(words)
      default:
        if (!this.#isLoggedIn) throw new Refused('NO', 'log in first')
        return /^(UID |FETCH|STORE|SEARCH|COPY|MOVE|EXPUNGE|CLOSE|UNSELECT)/.test(verb) ? this.#actOnSelected(verb, words) : this.#actOnAccount(verb, words)
    }
  }

  #logIn(user: string, password: string): string {
    if (user.toLowerCase() !== this.#account.address || !isSame(password, this.#account.password))
      throw new Refused('NO', '[AUTHENTICATIONFAILED] authentication failure')
    this.#isLoggedIn = true
    return `[CAPABILITY ${CAPABILITIES}] welcome`
  }

  async #authenticate([mechanism, initial]: readonly Node[]): Promise<string> {
    if (textOf(mechanism).toUpperCase() !== 'PLAIN') throw new Refused('NO', 'PLAIN only')
    if (initial === undefined) this.#say('+ ')
    const text = initial === undefined ? (await this.#wire.readLine(MAX_LINE_BYTES)).toString('latin1') : textOf(initial)
    const [, user = '', password = ''] = Buffer.from(text, 'base64').toString('latin1').split('\0')
    return this.#logIn(user, password)
  }

  async #actOnAccount(verb: string, words: readonly Node[]): Promise<string> {
    const { mailboxes } = this.#account
    const name = nameOf(words[0])
    switch (verb) {
      case 'NAMESPACE':
        this.#say('* NAMESPACE (("" "/")) NIL NIL')
        return ''
      case 'ENABLE':
        this.#say('* ENABLED')
        return ''
      case 'LIST':
      case 'LSUB':
        return this.#list(verb, words)
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(this.#find(name), verb === 'EXAMINE')
      case 'STATUS':
        return this.#status(name, listOf(words[1]).map(textOf))
      case 'CREATE':
        if (mailboxes.has(name)) throw new Refused('NO', '[ALREADYEXISTS] it is there')
        mailboxes.set(name, new DemoMailbox())
        return ''
      case 'DELETE':
        if (name === 'INBOX') throw new Refused('NO', 'INBOX stays')
        this.#find(name)
        mailboxes.delete(name)
        return ''
      case 'RENAME': {
        const mailbox = this.#find(name)
        mailboxes.delete(name)
        mailboxes.set(nameOf(words[1]), mailbox)
        return ''
      }
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        this.#find(name).isSubscribed = verb === 'SUBSCRIBE'
        return ''
      case 'APPEND':
        return this.#append(name, words.slice(1))
      case 'IDLE':
        return this.#idle()
      default:
        throw new Refused('BAD', 'unknown command')
    }
  }

  #find(name: string): DemoMailbox {
    const mailbox = this.#account.mailboxes.get(name)
    if (mailbox === undefined) throw new Refused('NO', '[NONEXISTENT] there is no such mailbox')
    return mailbox
  }

  #list(verb: string, words: readonly Node[]): string {
    const pattern = `${textOf(words.at(-2))}${textOf(words.at(-1))}`
    if (pattern === '') this.#say(`* ${verb} (\\Noselect) "/" ""`)
    const matches = new RegExp(
      `^${pattern
        .replace(/[^A-Za-z0-9*%]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('%', '[^/]*')}$`,
      'i',
    )
    for (const [name, { specialUse, isSubscribed }] of this.#account.mailboxes)
      if (matches.test(name) && (verb === 'LIST' || isSubscribed))
        this.#say(`* ${verb} (\\HasNoChildren${specialUse === undefined ? '' : ` ${specialUse}`}) "/" ${nstring(name)}`)
    return ''
  }

  #select(mailbox: DemoMailbox, isReadOnly: boolean): string {
    this.#unselect()
    const { messages } = mailbox
    const unseen = messages.findIndex(({ flags }) => !flags.has('\\Seen'))
    this.#say(`* FLAGS (${FLAGS})`)
    this.#say(`* OK [PERMANENTFLAGS (${FLAGS} \\*)] kept`)
    this.#say(`* ${messages.length} EXISTS`)
    this.#say('* 0 RECENT')
    if (unseen >= 0) this.#say(`* OK [UNSEEN ${unseen + 1}] first`)
    this.#say('* OK [UIDVALIDITY 1] valid')
    this.#say(`* OK [UIDNEXT ${mailbox.uidNext}] next`)
    const stop = mailbox.listen((what, number) => {
      const message = mailbox.messages[number - 1]
      if (what === 'flags') this.#news.push(`* ${number} FETCH (FLAGS (${[...(message?.flags ?? [])].join(' ')}))`)
      else this.#news.push(`* ${number} ${what.toUpperCase()}`)
      if (this.#isIdle) this.#tellNews()
    })
    this.#selected = { mailbox, isReadOnly, stop }
    return isReadOnly ? '[READ-ONLY] examined' : '[READ-WRITE] selected'
  }

  #unselect(): void {
    this.#selected?.stop()
    this.#selected = undefined
    this.#news = []
  }

  #status(name: string, items: readonly string[]): string {
    const { messages, uidNext } = this.#find(name)
    const unseen = messages.filter(({ flags }) => !flags.has('\\Seen')).length
    const values = new Map(Object.entries({ MESSAGES: messages.length, RECENT: 0, UIDNEXT: uidNext, UIDVALIDITY: 1, UNSEEN: unseen }))
    const known = items.map(item => item.toUpperCase()).filter(item => values.has(item))
    this.#say(`* STATUS ${nstring(name)} (${known.map(item => `${item} ${values.get(item)}`).join(' ')})`)
    return ''
  }

  #append(name: string, words: readonly Node[]): string {
    const mailbox = this.#account.mailboxes.get(name)
    if (mailbox === undefined) throw new Refused('NO', '[TRYCREATE] there is no such mailbox')
    const flags = words.find(word => Array.isArray(word))
    const date = words.length > 1 ? Date.parse(textOf(words.at(-2))) : Number.NaN
    mailbox.append(textOf(words.at(-1)), Number.isNaN(date) ? Date.now() : date, listOf(flags).map(textOf))
    return ''
  }

  async #idle(): Promise<string> {
    this.#say('+ idling')
    this.#isIdle = true
    this.#tellNews()
    try {
      await this.#wire.readLine(MAX_LINE_BYTES)
    } finally {
      this.#isIdle = false
    }
    return ''
  }

  #actOnSelected(verb: string, words: readonly Node[]): string {
    const { mailbox, isReadOnly } = this.#selected ?? {}
    if (mailbox === undefined) throw new Refused('BAD', 'select a mailbox first')
    const by = verb.startsWith('UID ') ? 'uid' : 'number'
    const action = verb.replace('UID ', '')
    if (isReadOnly === true && /^(STORE|MOVE|EXPUNGE)$/.test(action)) throw new Refused('NO', 'it was examined only')
    switch (action) {
      case 'FETCH':
        return this.#fetch(mailbox, words, by)
      case 'SEARCH':
        return this.#search(mailbox, words, by)
      case 'STORE':
        return this.#store(mailbox, words, by)
      case 'COPY':
      case 'MOVE':
        return this.#copy(mailbox, words, by, action)
      case 'UNSELECT':
        this.#unselect()
        return ''
      case 'CLOSE':
      case 'EXPUNGE':
        if (isReadOnly !== true) for (const message of mailbox.messages.filter(({ flags }) => flags.has('\\Deleted'))) mailbox.remove(message)
        if (action === 'CLOSE') this.#unselect()
        return ''
      default:
        throw new Refused('BAD', 'unknown command')
    }
  }

  #chosen({ messages }: DemoMailbox, set: Node | undefined, by: 'uid' | 'number'): [StoredMessage, number][] {
    const isIn = readSet(textOf(set), by === 'uid' ? (messages.at(-1)?.uid ?? 0) : messages.length)
    return messages.map((message, at): [StoredMessage, number] => [message, at + 1]).filter(([{ uid }, number]) => isIn(by === 'uid' ? uid : number))
  }

  #fetch(mailbox: DemoMailbox, [set, list]: readonly Node[], by: 'uid' | 'number'): string {
    const { items, setsSeen } = readItems(list, by)
    for (const [message, number] of this.#chosen(mailbox, set, by)) {
      const becomesSeen = setsSeen && this.#selected?.isReadOnly === false && !message.flags.has('\\Seen')
      if (becomesSeen) message.flags.add('\\Seen')
      this.#say(`* ${number} FETCH (${fetchData(message, items)})`)
      if (becomesSeen) mailbox.changed(message)
    }
    return ''
  }

  #search(mailbox: DemoMailbox, words: readonly Node[], by: 'uid' | 'number'): string {
    const { messages } = mailbox
    const matches = readSearch(words, { number: messages.length, uid: messages.at(-1)?.uid ?? 0 })
    const found = messages.flatMap((message, at) => (matches(message, at + 1) ? [by === 'uid' ? message.uid : at + 1] : []))
    this.#say(['* SEARCH', ...found].join(' '))
    return ''
  }

  #store(mailbox: DemoMailbox, [set, how, ...given]: readonly Node[], by: 'uid' | 'number'): string {
    const [, sign, silent] = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(textOf(how)) ?? []
    if (sign === undefined) throw new Refused('BAD', 'FLAGS were expected')
    const flags = given.flatMap(listOf).map(textOf)
    for (const [message, number] of this.#chosen(mailbox, set, by)) {
      if (sign === '') message.flags.clear()
      for (const flag of flags) sign === '-' ? message.flags.delete(flag) : message.flags.add(flag)
      if (silent === undefined) this.#say(`* ${number} FETCH (${by === 'uid' ? `UID ${message.uid} ` : ''}FLAGS (${[...message.flags].join(' ')}))`)
      mailbox.changed(message)
    }
    return ''
  }

  #copy(mailbox: DemoMailbox, [set, to]: readonly Node[], by: 'uid' | 'number', action: 'COPY' | 'MOVE'): string {
    const target = this.#account.mailboxes.get(nameOf(to))
    if (target === undefined) throw new Refused('NO', '[TRYCREATE] there is no such mailbox')
    const chosen = this.#chosen(mailbox, set, by).map(([message]) => message)
    for (const { raw, at, flags } of chosen) target.append(raw, at, flags)
    if (action === 'MOVE') for (const message of chosen) mailbox.remove(message)
    return ''
  }

  #tellNews(): void {
    for (const line of this.#news.splice(0)) this.#say(line)
  }

  #say(line: string): void {
    this.#wire.write(Buffer.from(`${line}\r\n`, 'latin1'))
  }
}

function nameOf(node: Node | undefined): string {
  const name = textOf(node)
  return name.toUpperCase() === 'INBOX' ? 'INBOX' : name
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
