/**
 * `mailwicket user rights` and `user reset-sign-in`: what a person may do in the portal, and a new start there.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { formatIso } from '../../../base/iso-time.ts'
import type { Access, AccessInput } from '../../../management/people/manage-rights.ts'
import { toAccessJson } from '../../../management/sign-in/sign-in-json.ts'
import type { RoleName } from '../../../store/accounts/people/roles.ts'
import { RIGHTS, type Right } from '../../../store/schema/rights-and-scopes.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, collect, does } from '../../frame/command-frame.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'

interface RightsOptions {
  readonly at?: string
  readonly give?: string
  readonly take?: string
  readonly takeAll?: boolean
  readonly revokeDevices?: boolean
  readonly unlink?: boolean
  readonly yes?: boolean
  /** False with `--no-admin`. */
  readonly admin?: boolean
  readonly manages?: readonly string[]
  readonly managesNoMore?: readonly string[]
}

export function declareRights(user: Command, terminal: Terminal): void {
  const rights = user.command('rights <login>').description('show or change what a user may do in the portal')
  rights.option('--at <addr>', 'at this mailbox: with --give, --take or --take-all')
  rights.option('--give <rights>', `some of ${RIGHTS.join(',')}`)
  rights.option('--take <rights>', 'take these away')
  rights.option('--take-all', 'take all rights at the mailbox; of linked devices there, say what becomes of them')
  rights.option('--revoke-devices', 'with --take-all: revoke them')
  rights.option('--yes', 'do not ask before --revoke-devices')
  rights.option('--unlink', 'with --take-all: they go on without a user')
  rights.option('--admin', 'an administrator: may do everything in the portal')
  rights.option('--no-admin', 'no administrator any more')
  rights.option('--manages <domain>', 'looks after the mailboxes of this domain; may be repeated', collect)
  rights.option('--manages-no-more <domain>', 'looks after it no more; may be repeated', collect)
  addExamples(
    does(rights, terminal, (context, [login], options) => changeRights(context, login, options)),
    ['user rights anna', 'what she may do'],
    ['user rights anna --at office@example.com --give use,make,send', 'she makes devices for herself there'],
    ['user rights anna --at office@example.com --take-all --revoke-devices', 'nothing there any more, and her devices are out'],
    ['user rights anna --manages example.com', 'a manager of the domain'],
  )

  const reset = user.command('reset-sign-in <login>').description('take away how a user signs in to the portal, and print a link for a new start, once')
  reset.option('--yes', 'do not ask')
  addExamples(
    does(reset, terminal, (context, [login], options) => resetSignIn(context, login, options)),
    ['user reset-sign-in anna', 'her phone with the codes is lost; devices and their passwords stay'],
  )
}

/** Roles that the options name. */
export function rolesOf({ admin, manages = [] }: Pick<RightsOptions, 'admin' | 'manages'>): readonly RoleName[] {
  return [...(admin === true ? [{ role: 'admin' as const }] : []), ...manages.map(domain => ({ role: 'manager' as const, domain }))]
}

async function changeRights(context: CommandContext, login: string, options: RightsOptions): Promise<void> {
  const input = toInput(login, options)
  const { getAccess, setAccess } = await import('../../../management/people/manage-rights.ts')
  const access = await manage(context, async (useCases, operator) => {
    if (input === undefined) return getAccess(useCases, operator, login)
    if (options.revokeDevices === true) {
      const { confirm } = await import('../../frame/confirm.ts')
      await confirm(context, `Revoke the devices of ${login} at ${options.at}? Their passwords are over for good.`, options)
    }
    return setAccess(useCases, operator, input)
  })
  await answerAccess(context, access)
}

/** Undefined: nothing is to be changed. Throws BAD_INPUT. */
function toInput(login: string, options: RightsOptions): AccessInput | undefined {
  const { at, give, take, takeAll, revokeDevices, unlink, managesNoMore = [] } = options
  const isAboutMailbox = give !== undefined || take !== undefined || takeAll === true
  if (isAboutMailbox !== (at !== undefined)) throw badInput('Rights are given at a mailbox.', 'Name it with --at ADDR, and say --give, --take or --take-all.')
  if (takeAll === true && (give !== undefined || take !== undefined)) throw badInput('--take-all stands alone.', 'Leave --give and --take away.')
  if (revokeDevices === true && unlink === true) throw badInput('--revoke-devices and --unlink contradict each other.', 'Give one of them.')
  if (takeAll !== true && (revokeDevices === true || unlink === true)) throw badInput('--revoke-devices and --unlink belong to --take-all.', 'Leave them away.')
  const grant = rolesOf(options)
  const revoke: RoleName[] = managesNoMore.map(domain => ({ role: 'manager', domain }))
  if (options.admin === false) revoke.push({ role: 'admin' })
  if (at === undefined) return grant.length + revoke.length === 0 ? undefined : { login, grant, revoke }
  if (takeAll === true)
    return { login, grant, revoke, remove: [{ mailbox: at, devices: revokeDevices === true ? 'revoke' : unlink === true ? 'unlink' : undefined }] }
  const given = parseRights(give, '--give')
  const taken = parseRights(take, '--take')
  const both = given.find(right => taken.includes(right))
  if (both !== undefined) throw badInput(`“${both}” is given and taken.`, 'Say one of them.')
  const rights = Object.fromEntries([...given.map(right => [right, true] as const), ...taken.map(right => [right, false] as const)])
  return { login, grant, revoke, give: [{ mailbox: at, rights }] }
}

/** Throws BAD_INPUT. */
export function parseRights(text: string | undefined, option: string): readonly Right[] {
  if (text === undefined) return []
  const words = text.split(',').map(word => word.trim().toLowerCase())
  const wrong = words.find(word => !RIGHTS.includes(word as Right))
  if (wrong !== undefined)
    throw badInput(`${option}: “${wrong.slice(0, 60)}” is no right.`, `The rights are ${RIGHTS.join(', ')}; several are separated by commas.`)
  return RIGHTS.filter(right => words.includes(right))
}

async function answerAccess(context: CommandContext, access: Access): Promise<void> {
  const { formatFields, formatTable } = await import('../../frame/table.ts')
  const { login, roles, rights } = access
  const fields: [string, string][] = [
    ['Login', login],
    ['Administrator', roles.isAdmin ? 'yes' : 'no'],
    ['Manages', roles.domains.join(', ') || 'no domain'],
  ]
  const cells = rights.map(here => [here.mailbox, RIGHTS.filter(right => here[right]).join(', ')])
  context.answer(toAccessJson(access), () => `${formatFields(fields)}${cells.length === 0 ? '' : `\n${formatTable(['mailbox', 'rights'], cells)}`}`)
}

async function resetSignIn(context: CommandContext, login: string, options: { yes?: boolean }): Promise<void> {
  const [{ makeStartLink }, { getUser }, { checkHasPortal, formatLink }] = await Promise.all([
    import('../../../management/sign-in/manage-sign-in.ts'),
    import('../../../management/people/manage-users.ts'),
    import('./portal-link.ts'),
  ])
  const { invitation, link } = await manage(context, async (useCases, operator) => {
    checkHasPortal(useCases.config)
    const { user } = await getUser(useCases, operator, login)
    const { confirm } = await import('../../frame/confirm.ts')
    await confirm(context, `Take away password, second step, passkeys and API tokens of ${user.login}, and sign ${user.login} out everywhere?`, options)
    const { invitation, token } = await makeStartLink(useCases, operator, { login: user.login, factors: 'reset' })
    return { invitation, link: formatLink(useCases.config, token) }
  })
  const endsAt = formatIso(invitation.endsAt)
  context.answer({ login: invitation.user, startLink: link, endsAt }, () => `${link}\n`)
  context.remark(
    `Whoever opens it chooses the password of ${invitation.user}. It works once, until ${endsAt.slice(0, 16).replace('T', ' ')} UTC, and is shown this once.`,
  )
}

function badInput(message: string, remedy: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', { message, remedy })
}
