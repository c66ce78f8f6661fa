/**
 * `mailwicket user …`: persons. A user may be linked to devices and carries the right to send; reading mail needs no user.
 */

import { MailwicketError } from '../../../base/errors.ts'
import { formatIso } from '../../../base/iso-time.ts'
import { toUserRow } from '../../../management/people/user-json.ts'
import type { User, UserSort } from '../../../store/accounts/people/user-list.ts'
import { addListOptions, answerList, isNarrowed, type ListOptions, type ListShape } from '../../frame/answer-list.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, collect, does, Option } from '../../frame/command-frame.ts'
import { addSureOptions, type SureOptions } from '../../frame/confirm.ts'
import { formatRelative } from '../../frame/moment.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'
import { addSendingOptions, parseSendingOptions, SENDING_OPTIONS, type SendingOptions, toSendingFields } from '../sending-options.ts'
import { declareRights, rolesOf } from './rights-commands.ts'

interface AddOptions {
  readonly name?: string
  /** False with `--no-send`. */
  readonly send: boolean
  readonly admin?: boolean
  readonly manages?: readonly string[]
}

interface ListUsersOptions extends ListOptions {
  readonly state?: User['state']
  readonly domain?: string
  readonly sort?: UserSort
}

interface SetOptions extends SendingOptions {
  readonly name?: string
}

interface RemoveOptions extends SureOptions {
  readonly unlink?: boolean
}

export function declareUser(user: Command, terminal: Terminal): void {
  addExamples(
    user,
    ['user add anna --name "Anna Arendt"', 'then link her devices: device add ADDR NAME --user anna'],
    ['user set anna --may-send no', 'no device of hers sends any more; reading goes on'],
    ['user block anna', 'none of her devices gets in any more, until user unblock'],
  )

  const add = user.command('add <login>').description('make a user; the login is an e-mail address or a short name')
  add.option('--name <name>', 'what people call her or him')
  add.option('--no-send', 'without the right to send')
  add.option('--admin', 'an administrator of the portal; prints a link, once, by which the password is chosen')
  add.option('--manages <domain>', 'looks after the mailboxes of this domain in the portal; may be repeated; prints a link too', collect)
  addExamples(
    does(add, terminal, (context, [login], options) => addUser(context, login, options)),
    ['user add anna --name "Anna Arendt"', 'a short name as login'],
    ['user add anna@example.com', 'an address as login'],
    ['user add trainee --no-send', 'may read, and may not send'],
    ['user add boss@example.com --admin', 'the first administrator of the portal'],
  )

  const list = user.command('list').description('list users')
  list.addOption(new Option('--state <state>', 'only those that are so').choices(['active', 'blocked']))
  list.option('--domain <domain>', 'only those with a device or a right at a mailbox of this domain')
  list.addOption(new Option('--sort <by>', 'login (default); created: the newest first').choices(['login', 'created']))
  addListOptions(list)
  addExamples(
    does(list, terminal, (context, _, options) => listUsers(context, options)),
    ['user list', 'who may send'],
    ['user list --state blocked', 'who is locked out'],
  )

  addExamples(
    does(user.command('show <login>').description('show one user'), terminal, (context, [login]) => showUser(context, login)),
    ['user show anna', 'her right to send and how many devices she has'],
  )

  declareRights(user, terminal)

  const set = user.command('set <login>').description('change the name of a user, or what may be sent')
  set.option('--name <name>', 'what people call her or him; "" takes the name away')
  addSendingOptions(set)
  addExamples(
    does(set, terminal, (context, [login], options) => setUser(context, login, options)),
    ['user set anna --may-send no', 'from all her devices, at once'],
    ['user set anna --recipients-per-day 200', 'all her devices together'],
  )

  const block = user.command('block <login>').description('refuse all devices of a user until user unblock; their sessions end within a second')
  addExamples(
    does(block, terminal, (context, [login]) => changeState(context, login, 'block')),
    ['user block anna', 'she left, or somebody has all her devices; the devices stay as they are'],
  )
  addExamples(
    does(user.command('unblock <login>').description('let the devices of a blocked user in again'), terminal, (context, [login]) =>
      changeState(context, login, 'unblock'),
    ),
    ['user unblock anna', 'her devices get in with the passwords they had'],
  )

  const remove = user
    .command('remove <login...>')
    .description('remove users; devices that are linked must be revoked or unlinked. “-”: one login a line of standard input')
  remove.option('--unlink', 'unlink the devices: they go on, bound by their own and their mailbox’s rules alone')
  addSureOptions(remove)
  addExamples(
    does(remove, terminal, (context, [logins], options) => removeUsers(context, logins, options)),
    ['user remove anna', 'after her devices were revoked; asks first'],
    ['user remove anna --unlink', 'her devices go on without her'],
  )
}

async function answerUser(context: CommandContext, user: User): Promise<void> {
  const { formatFields } = await import('../../frame/table.ts')
  const fields: [string, string][] = [
    ['Login', user.login],
    ['Name', user.name ?? 'none'],
    ['State', user.state === 'blocked' ? 'blocked: none of the devices gets in' : user.state],
    ['Created', `${formatIso(user.createdAt)} (${formatRelative(user.createdAt, context.terminal.now())})`],
    ['Devices', String(user.devices)],
    ...toSendingFields(user.sending),
  ]
  context.answer(toUserRow(user), () => formatFields(fields))
}

async function showUser(context: CommandContext, login: string): Promise<void> {
  const { getUser } = await import('../../../management/people/manage-users.ts')
  const { user } = await manage(context, (useCases, operator) => getUser(useCases, operator, login))
  await answerUser(context, user)
}

async function addUser(context: CommandContext, login: string, options: AddOptions): Promise<void> {
  const [{ addPerson }, { formatLink }] = await Promise.all([import('../../../management/sign-in/manage-sign-in.ts'), import('./portal-link.ts')])
  const roles = rolesOf(options)
  const { user, link } = await manage(context, async (useCases, operator) => {
    const start = roles.length > 0 && useCases.config.portal !== undefined ? 'show' : 'none'
    const { user, token } = await addPerson(useCases, operator, { login, name: options.name, maySend: options.send, roles, start })
    return { user, link: formatLink(useCases.config, token) }
  })
  if (roles.length === 0) {
    await answerUser(context, user)
    return context.remark(`Link a device with: mailwicket device set ID --user ${user.login}`)
  }
  context.answer({ ...toUserRow(user), startLink: link }, () => `${link ?? `Added ${user.login}.`}\n`)
  context.remark(
    link === null
      ? `There is no [portal] yet. Once there is: mailwicket user reset-sign-in ${user.login}`
      : `Whoever opens it chooses the password of ${user.login}. It works once, within 24 hours, and is shown this once.`,
  )
}

const USER_LIST: ListShape<User> = {
  columns: [
    { head: 'login', rank: 1, cell: user => user.login },
    { head: 'name', rank: 2, least: 10, cell: user => user.name ?? '-' },
    { head: 'state', rank: 3, cell: user => user.state },
    { head: 'may send', rank: 4, cell: user => (user.maySend ? 'yes' : 'no') },
    { head: 'sent today', rank: 6, cell: user => String(user.sending.sentToday) },
    { head: 'devices', rank: 5, cell: user => String(user.devices) },
  ],
  toJson: toUserRow,
  whenEmpty: 'No users. Make one with: mailwicket user add LOGIN',
}

async function listUsers(context: CommandContext, { limit, sort, ...options }: ListUsersOptions): Promise<void> {
  const { state, domain } = options
  const { readUsers } = await import('../../../management/page-lists.ts')
  await manage(context, (useCases, operator) =>
    answerList(
      context,
      readUsers(useCases, operator, { filter: { state, domain }, sort, limit }),
      isNarrowed(options) ? { ...USER_LIST, whenEmpty: 'No user is like that.' } : USER_LIST,
    ),
  )
}

async function setUser(context: CommandContext, login: string, options: SetOptions): Promise<void> {
  const sending = await parseSendingOptions(options)
  if (options.name === undefined && sending === undefined)
    throw new MailwicketError('BAD_INPUT', { message: 'Nothing to change was given.', remedy: `Give at least one of --name, ${SENDING_OPTIONS}.` })
  const { setUser: set } = await import('../../../management/people/manage-users.ts')
  const { user } = await manage(context, (useCases, operator) => set(useCases, operator, { login, name: options.name, sending }))
  await answerUser(context, user)
  if (sending?.maySend === false) context.remark('None of the linked devices sends from now on; reading goes on.')
}

async function changeState(context: CommandContext, login: string, to: 'block' | 'unblock'): Promise<void> {
  const { setUserState } = await import('../../../management/people/manage-users.ts')
  const state = to === 'block' ? 'blocked' : 'active'
  const { user, isChanged } = await manage(context, (useCases, operator) => setUserState(useCases, operator, { login, state }))
  await answerUser(context, user)
  if (!isChanged) return context.remark(`${user.login} was ${to === 'block' ? 'blocked already' : 'not blocked'}.`)
  if (to === 'unblock') return context.remark(`${countDevices(user.devices)} may log in again.`)
  context.remark(
    `${countDevices(user.devices)} locked out; open sessions end within a second. A device without a user is not concerned: \`device list\` shows whose is whose.`,
  )
}

async function removeUsers(context: CommandContext, logins: readonly string[], options: RemoveOptions): Promise<void> {
  const { unlink } = options
  const [{ endThings }, { previewRemoveUser, removeUser }] = await Promise.all([
    import('../../frame/end-things.ts'),
    import('../../../management/people/manage-users.ts'),
  ])
  const removed = await endThings(context, logins, options, {
    find: (useCases, operator, login) => previewRemoveUser(useCases, operator, { login, unlink }),
    ask: ([one, ...others]) => {
      const linked = others.reduce((sum, user) => sum + user.unlinked.length, one.unlinked.length)
      const who = others.length === 0 ? `the user ${one.login}` : `${others.length + 1} users`
      return `Remove ${who}${linked === 0 ? '' : ` and unlink ${countDevices(linked)}`}?`
    },
    foresee: ending => ending,
    end: (useCases, operator, { login }) => removeUser(useCases, operator, { login, unlink }),
    toJson: ({ login, unlinked }) => ({ login, unlinked }),
    format: ({ login, unlinked }) => `${unlinked.map(name => `Unlinked ${name}.\n`).join('')}Removed ${login}.\n`,
  })
  if (removed.some(({ unlinked }) => unlinked.length > 0)) context.remark('These devices still work; `device revoke` ends them.')
}

function countDevices(count: number): string {
  return count === 1 ? '1 device' : `${count} devices`
}
