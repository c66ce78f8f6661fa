/**
 * Mailboxes: looking at them, adding, changing and removing them. How they log in at the real server is tried before it is stored.
 */

import { domainOf, parseAddress } from '../../base/address.ts'
import { Problem } from '../../base/problems.ts'
import type { Secret } from '../../base/secret.ts'
import type { UpstreamConfig } from '../../config/config.ts'
import type { Mailbox } from '../../store/accounts/mailbox-rows.ts'
import type { Version } from '../../store/history/audit.ts'
import type { Nouns } from '../../store/open-store.ts'
import type { MailboxState as State } from '../../store/schema/login-record.ts'
import type { SendingChanges } from '../../store/sending/sending-change.ts'
import type { Sending } from '../../store/sending/sending-rows.ts'
import { checkLogin, chooseUpstream, getUpstream } from '../../upstream/upstream-choice.ts'
import type { Actor } from '../actor.ts'
import { checkVersion, findMailbox, findMailboxToChange } from '../find-subject.ts'
import { widensSending } from '../narrowing.ts'
import { type Action, may, type Reach } from '../permissions.ts'
import { change, checkAllowed, look, notAllowed, type UseCaseContext } from '../use-case.ts'
import { mailboxesOf } from '../within.ts'
import { tryUpstream } from './try-upstream.ts'

/** A mailbox with everything about it. */
export interface MailboxState {
  readonly mailbox: Mailbox
  readonly aliases: readonly string[]
  /** Null for those who may not see it. */
  readonly sending: Sending | null
  readonly version: Version
}

/** By address. */
export function listMailboxes(context: UseCaseContext, actor: Actor): Promise<Mailbox[]> {
  return look(context, actor, (nouns, reach) => nouns.mailboxes.list({ within: mailboxesOf(reach, 'mailbox.view') }))
}

/** Throws NOT_FOUND. */
export function getMailbox(context: UseCaseContext, actor: Actor, address: string): Promise<MailboxState> {
  return look(context, actor, async (nouns, reach) => stateOf(nouns, reach, await findMailbox(nouns, reach, address, 'mailbox.view')))
}

/** How a mailbox that is there, or could be, would log in. */
export interface LoginPlan {
  readonly address: string
  readonly upstream: UpstreamConfig
  readonly login: string
  /** `none`: the server wants none of the mailbox's; `stored`: there is one already; `missing`: one has to be given. */
  readonly secret: 'none' | 'stored' | 'missing'
}

export interface LoginInput {
  readonly address: string
  /** Name in the configuration; that of the domain, or the present one, when left out. */
  readonly upstream?: string | undefined
  /** Null: the address; the present one when left out. */
  readonly login?: string | null | undefined
}

/** Whether the mailbox could be added, and what is to be asked for it. Throws NOT_ALLOWED, NOT_FOUND, ALREADY_EXISTS, BAD_INPUT. */
export function planNewMailbox(context: UseCaseContext, actor: Actor, input: LoginInput): Promise<LoginPlan> {
  return look(context, actor, (nouns, reach) => planNew(context, nouns, reach, input))
}

async function planNew({ config }: UseCaseContext, nouns: Nouns, reach: Reach, input: LoginInput): Promise<LoginPlan> {
  const address = parseAddress(input.address)
  checkAllowed(reach, 'mailbox.add', { domain: domainOf(address) }, () => notAllowed('mailbox.add'))
  const upstream = chooseUpstream(config, address, input.upstream)
  const login = input.login ?? address
  // SECURITY: under a master user, whoever chooses the login chooses whose mail is read.
  if (!mayChooseLogin(reach) && (login !== address || upstream !== chooseUpstream(config, address, undefined))) throw notAllowed('mailbox.upstream')
  await checkIsFree(nouns, address)
  checkLogin(upstream, login)
  return { address, upstream, login, secret: upstream.auth.method === 'stored' ? 'missing' : 'none' }
}

/** Throws ALREADY_EXISTS. */
async function checkIsFree(nouns: Nouns, address: string): Promise<void> {
  const mailbox = await nouns.aliases.resolve(address)
  if (mailbox === undefined) return
  throw mailbox === address ? new Problem('mailbox.exists', { address }) : new Problem('alias.exists', { alias: address, mailbox })
}

/** What is to be asked for another login of a mailbox. Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT, CONFIG_INVALID. */
export function planLogin(context: UseCaseContext, actor: Actor, input: LoginInput): Promise<LoginPlan> {
  return look(context, actor, async (nouns, reach) => planChange(context, reach, await findMailbox(nouns, reach, input.address, 'mailbox.secret'), input))
}

function planChange({ config }: UseCaseContext, reach: Reach, mailbox: Mailbox, input: LoginInput): LoginPlan {
  const { address } = mailbox
  const isMoved = input.upstream !== undefined && input.upstream !== mailbox.upstream
  const isRenamed = input.login !== undefined && (input.login ?? address) !== (mailbox.login ?? address)
  if ((isMoved || isRenamed) && !mayChooseLogin(reach)) throw notAllowed('mailbox.upstream')
  const upstream = input.upstream === undefined ? getUpstream(config, mailbox.upstream) : chooseUpstream(config, address, input.upstream)
  const login = (input.login === undefined ? mailbox.login : input.login) ?? address
  checkLogin(upstream, login)
  const isStored = upstream.auth.method === 'stored'
  return { address, upstream, login, secret: !isStored ? 'none' : mailbox.hasSecret ? 'stored' : 'missing' }
}

function mayChooseLogin(reach: Reach): boolean {
  return may(reach, 'mailbox.upstream', 'installation') === 'yes'
}

export interface AddMailboxInput extends LoginInput {
  /** Null: none is stored yet. */
  readonly secret?: Secret | null | undefined
  readonly migrationPasswordUntil?: number | null | undefined
  readonly note?: string | null | undefined
  readonly aliases?: readonly string[] | undefined
  /** Whether the login is tried first. */
  readonly trial: 'try' | 'trust'
}

/** Throws as `planNewMailbox`, UpstreamTrialError, KEY_WRONG. */
export async function addMailbox(context: UseCaseContext, actor: Actor, input: AddMailboxInput): Promise<MailboxState> {
  const { secret = null, migrationPasswordUntil = null, note, aliases = [] } = input
  const { upstream, login } = await planNewMailbox(context, actor, input)
  if (input.trial === 'try') await tryUpstream(context.config, upstream, login, secret ?? undefined)
  return change(context, actor, async (nouns, reach) => {
    const { address } = await planNew(context, nouns, reach, input)
    if (migrationPasswordUntil !== null) checkHere(reach, 'mailbox.migrate', address)
    const mailbox = await nouns.mailboxes.add({ address, upstream: upstream.name, login: input.login ?? null, secret, migrationPasswordUntil, note })
    await setAliases(nouns, reach, address, aliases)
    return stateOf(nouns, reach, mailbox)
  })
}

export interface SetMailboxInput extends LoginInput {
  readonly version?: Version | undefined
  readonly secret?: Secret | undefined
  readonly trial: 'try' | 'trust'
  readonly state?: State | undefined
  readonly migrationPasswordUntil?: number | null | undefined
  readonly sending?: SendingChanges | undefined
  readonly note?: string | null | undefined
  /** All that it shall have. */
  readonly aliases?: readonly string[] | undefined
}

/** What is left out stays. Throws NOT_FOUND, NOT_ALLOWED, CHANGED_MEANWHILE, BAD_INPUT, UpstreamTrialError, KEY_WRONG. */
export async function setMailbox(context: UseCaseContext, actor: Actor, input: SetMailboxInput): Promise<MailboxState> {
  const { address, version, secret, state, migrationPasswordUntil, sending, note, aliases } = input
  const isNewLogin = input.upstream !== undefined || input.login !== undefined || secret !== undefined
  const tried = isNewLogin ? await tryChange(context, actor, input) : undefined
  return change(context, actor, async (nouns, reach) => {
    const before = await findMailboxToChange(nouns, reach, address)
    await checkVersion(nouns, before.id, version)
    if (tried !== undefined && (tried.before.upstream !== before.upstream || tried.before.login !== before.login))
      throw new Problem('thing.changed', { subject: before.address, by: null, at: null, action: null })
    if (isNewLogin) planChange(context, reach, await findMailbox(nouns, reach, address, 'mailbox.secret'), input)
    if (state !== undefined) checkHere(reach, 'mailbox.pause', before.address)
    if (migrationPasswordUntil !== undefined) checkHere(reach, 'mailbox.migrate', before.address)
    if (note !== undefined) checkHere(reach, 'mailbox.describe', before.address)
    const { upstream, login } = input
    const mailbox = await nouns.mailboxes.set(before.address, { upstream, login, secret, state, migrationPasswordUntil, note })
    if (aliases !== undefined) await setAliases(nouns, reach, mailbox.address, aliases)
    if (sending !== undefined) await setSending(nouns, reach, mailbox.address, sending)
    return stateOf(nouns, reach, mailbox)
  })
}

async function tryChange(context: UseCaseContext, actor: Actor, input: SetMailboxInput) {
  const { before, plan, secret } = await look(context, actor, async (nouns, reach) => {
    const before = await findMailbox(nouns, reach, input.address, 'mailbox.secret')
    const secret = input.secret ?? (before.hasSecret ? await nouns.mailboxes.openSecret(before.address) : null) ?? undefined
    return { before, secret, plan: planChange(context, reach, before, input) }
  })
  if (input.trial === 'try') await tryUpstream(context.config, plan.upstream, plan.login, secret)
  return { before }
}

async function setSending(nouns: Nouns, reach: Reach, mailbox: string, sending: SendingChanges): Promise<void> {
  checkHere(reach, widensSending(await nouns.sending.get({ mailbox }), sending) ? 'sending.widen' : 'sending.narrow', mailbox)
  await nouns.sending.set({ mailbox }, sending)
}

/** Brings the aliases of a mailbox to these. A new one lies in a domain that the actor looks after: mail for it would be read here. Throws NOT_ALLOWED, ALREADY_EXISTS. */
async function setAliases(nouns: Nouns, reach: Reach, mailbox: string, texts: readonly string[]): Promise<void> {
  const [before, after] = [await nouns.aliases.of(mailbox), texts.map(parseAddress)]
  const [added, removed] = [after.filter(alias => !before.includes(alias)), before.filter(alias => !after.includes(alias))]
  if (added.length + removed.length > 0) checkHere(reach, 'mailbox.describe', mailbox)
  for (const alias of removed) await nouns.aliases.remove(mailbox, alias)
  for (const alias of added) {
    if (may(reach, 'mailbox.add', { domain: domainOf(alias) }) !== 'yes') throw notAllowed('mailbox.describe')
    await nouns.aliases.add(mailbox, alias)
  }
}

/** Tries the login as it is stored. Throws NOT_FOUND, NOT_ALLOWED, UpstreamTrialError, KEY_WRONG. */
export async function verifyMailbox(context: UseCaseContext, actor: Actor, address: string): Promise<void> {
  await tryChange(context, actor, { address, trial: 'try' })
}

/** With its devices; the mail at the real server stays. Throws NOT_FOUND, NOT_ALLOWED. */
export function removeMailbox(
  context: UseCaseContext,
  actor: Actor,
  { address, version }: { readonly address: string; readonly version?: Version | undefined },
): Promise<{ readonly address: string; readonly devices: number }> {
  return change(context, actor, async (nouns, reach) => {
    const mailbox = await findMailbox(nouns, reach, address, 'mailbox.remove')
    await checkVersion(nouns, mailbox.id, version)
    return { address: mailbox.address, ...(await nouns.mailboxes.remove(mailbox.address)) }
  })
}

function checkHere(reach: Reach, action: Action, mailbox: string): void {
  checkAllowed(reach, action, { mailbox }, () => notAllowed(action))
}

async function stateOf(nouns: Nouns, reach: Reach, mailbox: Mailbox): Promise<MailboxState> {
  const maySee = may(reach, 'sending.view', { mailbox: mailbox.address }) === 'yes'
  const sending = maySee ? await nouns.sending.get({ mailbox: mailbox.address }) : null
  return { mailbox, aliases: await nouns.aliases.of(mailbox.address), sending, version: await nouns.audit.versionOf(mailbox.id) }
}
