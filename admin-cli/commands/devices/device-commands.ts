/**
 * `mailwicket device …`: app passwords, one a device. Declarations and what each does; shapes are in device-view.ts.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { formatIso, formatIsoOrNull } from '../../../base/iso-time.ts'
import type { Actor } from '../../../management/actor.ts'
import { toDeviceDetails } from '../../../management/devices/device-json.ts'
import type { DeviceState } from '../../../management/devices/manage-devices.ts'
import { toSendingJson } from '../../../management/mailboxes/mailbox-json.ts'
import type { UseCaseContext } from '../../../management/use-case.ts'
import type { DeviceFilter, DeviceSort } from '../../../store/accounts/devices/device-list.ts'
import { addListOptions, answerList, isNarrowed, type ListOptions } from '../../frame/answer-list.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, collect, does, Option } from '../../frame/command-frame.ts'
import { checkRefs } from '../../frame/confirm.ts'
import { parseDuration } from '../../frame/moment.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'
import { addSendingOptions, parseSendingOptions, SENDING_OPTIONS, type SendingOptions, toSendingFields } from '../sending-options.ts'
import { parseAllowFrom, parseExpires, parseScopes } from './device-options.ts'
import { DEVICE_LIST, toDeviceFields } from './device-view.ts'
import { declareRevoke } from './revoke-command.ts'

const REF = 'ID, the beginning of one, or ADDR/NAME'
const EXPIRES = '7d, 12h, 2w … or a date; a bare date means the end of that day in UTC'

interface AddOptions {
  readonly scope?: string
  readonly expires?: string
  readonly allowFrom?: readonly string[]
  readonly user?: string
  readonly passwordStdin?: boolean
}

interface SetOptions extends AddOptions, SendingOptions {
  readonly allowFromAnywhere?: boolean
}

interface ListDevicesOptions extends ListOptions {
  readonly unusedFor?: string
  readonly user?: string
  readonly domain?: string
  readonly upstream?: string
  readonly state?: 'active' | 'disabled' | 'expired' | 'revoked'
  readonly revoked?: boolean
  readonly sort?: DeviceSort
}

export function declareDevice(device: Command, terminal: Terminal): void {
  addExamples(
    device,
    ['device add anna@example.com phone', 'make a password for one phone'],
    ['device revoke anna@example.com/phone', 'the phone is out within a second; nothing else notices'],
  )

  const add = device.command('add <addr> <name>').description('make a device and print its password, once')
  add.option('--scope <scopes>', 'what it may do: imap, smtp or imap,smtp (default: imap,smtp)')
  add.option('--expires <when>', EXPIRES)
  add.option('--allow-from <cidr>', 'address or network it may connect from; may be repeated', collect)
  add.option('--user <login>', 'whose device it is: it sends only while that user may send')
  add.option('--password-stdin', 'take the password from standard input instead of generating one')
  addExamples(
    does(add, terminal, (context, [address, name], options) => addDevice(context, address, name, options)),
    ['device add anna@example.com phone', 'a generated password for reading and sending'],
    ['device add anna@example.com scanner --scope smtp --allow-from 192.168.1.20', 'for a scanner that only sends, from one address'],
    ['device add anna@example.com laptop --expires 2027-01-31', 'good until the end of that day, UTC'],
    ['device add office@example.com phone --user anna', 'Anna’s phone at a mailbox that several people share'],
    ['device add anna@example.com import --password-stdin < password.txt', 'a password of your own'],
  )

  const list = device.command('list [addr]').description('list devices with their last connection')
  list.option('--unused-for <time>', 'only those without a connection for so long, for example 90d')
  list.option('--user <login>', 'only those of this user')
  list.option('--domain <domain>', 'only of mailboxes of this domain')
  list.option('--upstream <name>', 'only of mailboxes of this upstream')
  list.addOption(new Option('--state <state>', 'only those that are so').choices(['active', 'disabled', 'expired', 'revoked']))
  list.option('--revoked', 'also those that were revoked')
  list.addOption(new Option('--sort <by>', 'mailbox: by address and name (default); last-connection: the latest first').choices(['mailbox', 'last-connection']))
  addListOptions(list)
  addExamples(
    does(list, terminal, (context, [address], options) => listDevices(context, address, options)),
    ['device list anna@example.com', 'the devices of one mailbox'],
    ['device list --unused-for 90d', 'what may be cleared away'],
    ['device list --user anna', 'what Anna uses, in whatever mailbox'],
    ['device list --sort last-connection --limit 20', 'who was here last'],
    ['device list --domain example.com --jsonl', 'for scripts: one JSON value a line'],
  )

  addExamples(
    does(device.command('show <id>').description(`show one device (${REF})`), terminal, (context, [ref]) =>
      answerDevice(context, ({ getDevice }) => getDevice, ref, ''),
    ),
    ['device show anna@example.com/phone', 'everything about one device'],
  )

  addExamples(
    does(device.command('rename <id> <name>').description('give a device another name'), terminal, (context, [ref, name]) =>
      answerDevice(context, ({ setDevice }) => setDevice, { ref, name }, 'Renamed.'),
    ),
    ['device rename anna@example.com/phone "old phone"', 'the password stays'],
  )

  const set = device
    .command('set <id>')
    .description('change scopes, expiry, allowed networks, user or what it may send; live sessions that are no longer good end')
  set.option('--scope <scopes>', 'what it may do: imap, smtp or imap,smtp')
  set.option('--expires <when>', `${EXPIRES}; “never” takes the expiry away`)
  set.option('--allow-from <cidr>', 'the addresses or networks it may connect from, instead of those before; may be repeated', collect)
  set.option('--allow-from-anywhere', 'no longer bound to networks')
  set.option('--user <login>', 'whose device it is; “none” unlinks it')
  addSendingOptions(set)
  addExamples(
    does(set, terminal, (context, [ref], options) => setDevice(context, ref, options)),
    ['device set anna@example.com/laptop --expires never', 'no longer expires'],
    ['device set 3f9k --allow-from 10.0.0.0/8 --allow-from 2001:db8::/32', 'only from these networks'],
    ['device set anna@example.com/scanner --senders own --recipients-per-day 50', 'a scanner sends as its mailbox only, and not too much'],
    ['device set office@example.com/phone --user none', 'nobody’s device any more'],
  )

  const password = device.command('password <id>').description('make a new password for a device; the old one and its sessions end')
  password.option('--password-stdin', 'take the password from standard input instead of generating one')
  addExamples(
    does(password, terminal, (context, [ref], options) => setPassword(context, ref, options)),
    ['device password anna@example.com/phone', 'the app asks for its password; type the new one'],
  )

  addExamples(
    does(device.command('disable <id>').description('lock a device out until it is enabled again'), terminal, (context, [ref]) =>
      answerDevice(
        context,
        ({ setDeviceState }) => setDeviceState,
        { ref, state: 'disabled' as const },
        'Disabled. Its sessions end within a second; `device enable` lets it in again.',
      ),
    ),
    ['device disable anna@example.com/phone', 'the phone may be lost, or only be under the sofa'],
  )
  addExamples(
    does(device.command('enable <id>').description('let a disabled device in again'), terminal, (context, [ref]) =>
      answerDevice(context, ({ setDeviceState }) => setDeviceState, { ref, state: 'active' as const }, 'Enabled. It is let in with the password it had.'),
    ),
    ['device enable anna@example.com/phone', 'found again'],
  )

  declareRevoke(device, terminal)
}

async function addDevice(context: CommandContext, mailbox: string, name: string, options: AddOptions): Promise<void> {
  const wanted = {
    mailbox,
    name,
    ...(options.scope === undefined ? {} : { scopes: parseScopes(options.scope) }),
    ...(options.expires === undefined ? {} : { expiresAt: parseExpires(options.expires, context.terminal.now()) }),
    ...(options.allowFrom === undefined ? {} : { allowFrom: await parseAllowFrom(options.allowFrom) }),
    ...(options.user === undefined ? {} : { user: options.user }),
  }
  const { addDevice: add } = await import('../../../management/devices/manage-devices.ts')
  const { device, password, settings } = await manage(context, async (useCases, operator) =>
    add(useCases, operator, { ...wanted, ...(await readChosenPassword(context, options)) }),
  )
  const { formatAppSettings, revealPassword } = await import('./device-password.ts')
  const { id, mailbox: address, scopes, user, allowFrom } = device
  const shown = revealPassword(password)
  const times = { expiresAt: formatIsoOrNull(device.expiresAt), allowFrom, createdAt: formatIso(device.createdAt) }
  context.answer(
    { id, mailbox: address, name: device.name, scopes, user, ...times, password: shown, settings },
    () => `Device ${address}/${device.name} (${id})\n\n${formatAppSettings(settings, address, shown)}`,
  )
  context.remark('\nThe password is shown this once. Lost it? `device password` makes a new one.')
}

async function setPassword(context: CommandContext, ref: string, options: AddOptions): Promise<void> {
  checkRefs([ref])
  const { changePassword, getDevice } = await import('../../../management/devices/manage-devices.ts')
  const { device, password, settings } = await manage(context, async (useCases, operator) => {
    // Found first: nobody types a password for a device that is not there.
    const { id } = (await getDevice(useCases, operator, ref)).device
    return changePassword(useCases, operator, { ref: id, ...(await readChosenPassword(context, options)) })
  })
  const { formatAppSettings, revealPassword } = await import('./device-password.ts')
  const shown = revealPassword(password)
  context.answer(
    { ...toDeviceDetails(device), password: shown, settings },
    () => `New password of ${device.mailbox}/${device.name} (${device.id})\n\n${formatAppSettings(settings, device.mailbox, shown)}`,
  )
  context.remark('\nThe password is shown this once. The old one and its sessions are over.')
}

async function readChosenPassword(context: CommandContext, options: AddOptions) {
  if (options.passwordStdin !== true) return {}
  const { readSecret } = await import('../../frame/secret-prompt.ts')
  return { password: await readSecret(context, { what: 'App password', option: '--password-stdin', fromStdin: true, isNew: true }) }
}

async function listDevices(context: CommandContext, mailbox: string | undefined, { limit, sort, ...options }: ListDevicesOptions): Promise<void> {
  const { user, domain, upstream, unusedFor, revoked } = options
  const filter: DeviceFilter = {
    ...{ mailbox, user, domain, upstream, ...stateFilter(options.state) },
    unusedSince: unusedFor === undefined ? undefined : context.terminal.now() - parseDuration(unusedFor, '--unused-for'),
    revoked: revoked === true,
  }
  const { readDevices } = await import('../../../management/page-lists.ts')
  const whenEmpty = unusedFor !== undefined ? 'No device has been unused for so long.' : isNarrowed(options) ? 'No device is like that.' : DEVICE_LIST.whenEmpty
  await manage(context, (useCases, operator) => answerList(context, readDevices(useCases, operator, { filter, sort, limit }), { ...DEVICE_LIST, whenEmpty }))
}

/** As the table calls it: what is over is no longer active. */
function stateFilter(state: ListDevicesOptions['state']): Pick<DeviceFilter, 'state' | 'isExpired'> {
  if (state === 'active' || state === 'expired') return { state: 'active', isExpired: state === 'expired' }
  return { state }
}

async function setDevice(context: CommandContext, ref: string, options: SetOptions): Promise<void> {
  if (options.allowFrom !== undefined && options.allowFromAnywhere === true) {
    throw new MailwicketError('BAD_INPUT', { message: '--allow-from and --allow-from-anywhere contradict each other.', remedy: 'Give one of them.' })
  }
  const terms = {
    ...(options.scope === undefined ? {} : { scopes: parseScopes(options.scope) }),
    ...(options.expires === undefined ? {} : { expiresAt: parseExpires(options.expires, context.terminal.now()) }),
    ...(options.allowFrom === undefined ? {} : { allowFrom: await parseAllowFrom(options.allowFrom) }),
    ...(options.allowFromAnywhere === true ? { allowFrom: [] } : {}),
    ...(options.user === undefined ? {} : { user: options.user.trim().toLowerCase() === 'none' ? null : options.user }),
  }
  const sending = await parseSendingOptions(options)
  if (Object.keys(terms).length === 0 && sending === undefined) {
    throw new MailwicketError('BAD_INPUT', {
      message: 'Nothing to change was given.',
      remedy: `Give at least one of --scope, --expires, --allow-from, --allow-from-anywhere, --user, ${SENDING_OPTIONS}.`,
    })
  }
  await answerDevice(context, ({ setDevice }) => setDevice, { ref, terms, sending }, 'Changed.')
}

type DeviceUseCase<Input> = (context: UseCaseContext, actor: Actor, input: Input) => Promise<DeviceState>

/** Runs one read or change of one device and answers with how the device is now. */
async function answerDevice<Input>(
  context: CommandContext,
  choose: (useCases: typeof import('../../../management/devices/manage-devices.ts')) => DeviceUseCase<Input>,
  input: Input,
  done: string,
): Promise<void> {
  const act = choose(await import('../../../management/devices/manage-devices.ts'))
  const { device, sending } = await manage(context, (useCases, operator) => act(useCases, operator, input))
  const { formatFields } = await import('../../frame/table.ts')
  context.answer({ ...toDeviceDetails(device), sending: toSendingJson(sending) }, () =>
    formatFields([...toDeviceFields(device, context.terminal.now()), ...toSendingFields(sending)]),
  )
  if (done !== '') context.remark(done)
}
