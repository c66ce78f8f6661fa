/**
 * `mailwicket invite …`: links by which somebody makes the password of a device, so that nobody else ever sees it.
 */
import { formatIso } from '../../../base/iso-time.ts'
import { toInvitationRow } from '../../../management/sign-in/sign-in-json.ts'
import type { Invitation } from '../../../store/sign-in/invitation-rows.ts'
import { addListOptions, answerList, type ListOptions, type ListShape } from '../../frame/answer-list.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, collect, does } from '../../frame/command-frame.ts'
import { addSureOptions, type SureOptions } from '../../frame/confirm.ts'
import { formatEnd } from '../../frame/moment.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'
import { parseAllowFrom, parseExpires, parseScopes } from '../devices/device-options.ts'
import { parseRights } from './rights-commands.ts'

interface AddOptions {
  readonly user?: string
  readonly name?: string
  readonly scope?: string
  readonly expires?: string
  readonly allowFrom?: readonly string[]
  readonly give?: string
  readonly mailTo?: string
}

export function declareInvite(invite: Command, terminal: Terminal): void {
  addExamples(invite, ['invite add anna@example.com', 'a link: whoever opens it within 30 days makes the password of one device'])

  const add = invite.command('add <addr>').description('make a link, valid 30 days, by which somebody makes a device of this mailbox; it is printed once')
  add.option('--user <login>', 'who alone may accept it, signed in to the portal; otherwise whoever has the link')
  add.option('--name <name>', 'proposed for the device')
  add.option('--scope <scopes>', 'what the device may do: imap, smtp or imap,smtp (default: imap,smtp)')
  add.option('--expires <when>', 'when the device ends: 7d, 12h, 2w … or a date')
  add.option('--allow-from <cidr>', 'address or network the device may connect from; may be repeated', collect)
  add.option('--give <rights>', 'with --user: rights at the mailbox from then on, besides use')
  add.option('--mail-to <addr>', 'mail the link there instead of printing it')
  addExamples(
    does(add, terminal, (context, [address], options) => addInvitation(context, address, options)),
    ['invite add office@example.com --user leila', 'only Leila, signed in'],
    ['invite add office@example.com --scope imap --name tablet', 'for a device that reads only'],
  )

  const list = invite.command('list [addr]').description('list open invitations')
  list.option('--closed', 'also those that were accepted or revoked, or whose time is over')
  addListOptions(list, 'at most so many, the newest first')
  addExamples(
    does(list, terminal, (context, [address], options) => listInvitations(context, address, options)),
    ['invite list', 'what is open'],
    ['invite list anna@example.com --closed', 'the history of one mailbox'],
  )

  const revoke = invite.command('revoke <id...>').description('take invitations back: their links no longer work. “-”: one ID a line of standard input')
  addSureOptions(revoke)
  addExamples(
    does(revoke, terminal, (context, [ids], options) => revokeInvitations(context, ids, options)),
    ['invite revoke 3f9kq2m8x7t4c1vn', 'it went to the wrong person'],
  )
}

async function addInvitation(context: CommandContext, mailbox: string, options: AddOptions): Promise<void> {
  const [{ invite }, { checkHasPortal, formatLink }] = await Promise.all([import('../../../management/sign-in/invite.ts'), import('./portal-link.ts')])
  const rights = Object.fromEntries(parseRights(options.give, '--give').map(right => [right, true]))
  const terms = {
    name: options.name ?? null,
    ...(options.scope === undefined ? {} : { scopes: parseScopes(options.scope) }),
    ...(options.expires === undefined ? {} : { expiresAt: parseExpires(options.expires, context.terminal.now()) }),
    ...(options.allowFrom === undefined ? {} : { allowFrom: await parseAllowFrom(options.allowFrom) }),
    rights,
  }
  const { invitation, link } = await manage(context, async (useCases, operator) => {
    checkHasPortal(useCases.config)
    const { invitation, token } = await invite(useCases, operator, { mailbox, user: options.user, terms, mailTo: options.mailTo })
    return { invitation, link: formatLink(useCases.config, token) }
  })
  const end = formatIso(invitation.endsAt).slice(0, 10)
  context.answer({ ...toInvitationRow(invitation), link }, () => (link === null ? `The link is mailed to ${invitation.mailTo}.\n` : `${link}\n`))
  context.remark(
    `It works once, until ${end}. ${invitation.user === null ? 'Whoever has it' : invitation.user} can read ${invitation.mailbox} then; \`invite revoke ${invitation.id}\` takes it back.`,
  )
}

const INVITATION_LIST: ListShape<Invitation> = {
  columns: [
    { head: 'id', rank: 1, cell: invitation => invitation.id },
    { head: 'kind', rank: 6, cell: invitation => invitation.kind },
    { head: 'mailbox', rank: 1, least: 24, cell: invitation => invitation.mailbox ?? '-' },
    { head: 'for', rank: 2, least: 8, cell: invitation => invitation.user ?? 'whoever has the link' },
    { head: 'state', rank: 3, cell: invitation => invitation.state },
    { head: 'opened', rank: 5, cell: invitation => String(invitation.opened) },
    { head: 'until', rank: 4, cell: (invitation, now) => formatEnd(invitation.endsAt, now) },
    { head: 'made by', rank: 7, least: 8, cell: invitation => invitation.madeBy },
  ],
  toJson: toInvitationRow,
  whenEmpty: 'No invitations. Make one with: mailwicket invite add ADDR',
}

async function listInvitations(context: CommandContext, mailbox: string | undefined, { closed, limit }: ListOptions & { closed?: boolean }): Promise<void> {
  const { readInvitations } = await import('../../../management/sign-in/invite.ts')
  const state = closed === true ? undefined : 'open'
  await manage(context, (useCases, operator) => answerList(context, readInvitations(useCases, operator, { mailbox, state, limit }), INVITATION_LIST))
}

async function revokeInvitations(context: CommandContext, ids: readonly string[], options: SureOptions): Promise<void> {
  const [{ endThings }, { getInvitation, revokeInvitation }] = await Promise.all([
    import('../../frame/end-things.ts'),
    import('../../../management/sign-in/invite.ts'),
  ])
  await endThings(context, ids, options, {
    find: getInvitation,
    ask: ([one, ...others]) =>
      others.length === 0 ? `Take back the invitation to ${one.mailbox ?? one.user}?` : `Take back ${others.length + 1} invitations?`,
    foresee: invitation => (invitation.state === 'open' ? { ...invitation, state: 'revoked' as const } : invitation),
    end: (useCases, operator, { id }) => revokeInvitation(useCases, operator, id),
    toJson: toInvitationRow,
    format: ({ state }) => (state === 'revoked' ? 'Revoked. Its link no longer works.\n' : `It was ${state} already.\n`),
  })
}
