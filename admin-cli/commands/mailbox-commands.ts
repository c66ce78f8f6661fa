/**
 * `mailwicket mailbox …`: the addresses whose mail lives upstream. `add` and `set` try the upstream login before they store it.
 */

import { domainOf } from '../../base/address.ts'
import { MailwicketError } from '../../base/errors.ts'
import { formatIso } from '../../base/iso-time.ts'
import type { Secret } from '../../base/secret.ts'
import type { UpstreamConfig } from '../../config/config.ts'
import { toMailboxDetails, toMailboxRow } from '../../management/mailboxes/mailbox-json.ts'
import type { MailboxState } from '../../management/mailboxes/manage-mailboxes.ts'
import type { MailboxSort } from '../../store/accounts/mailbox-list.ts'
import type { Mailbox } from '../../store/accounts/mailbox-rows.ts'
import { addListOptions, answerList, isNarrowed, type ListOptions, type ListShape } from '../frame/answer-list.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does, Option } from '../frame/command-frame.ts'
import { addSureOptions, type SureOptions } from '../frame/confirm.ts'
import { formatRelative } from '../frame/moment.ts'
import { remedyFor } from '../frame/remedies.ts'
import { manage, readConfig } from '../frame/store-access.ts'
import type { Terminal } from '../frame/terminal.ts'
import { addMigrationOption, checkAllOf, formatMigrationEnd, listMigrationPasswords, parseMigrationEnd, setMigrationEndOfDomain } from './migration-options.ts'
import { addSendingOptions, parseSendingOptions, SENDING_OPTIONS, type SendingOptions, toSendingFields } from './sending-options.ts'

interface AddOptions {
  readonly upstream?: string
  readonly login?: string
  readonly secretStdin?: boolean
  /** False with `--no-verify`. */
  readonly verify: boolean
  readonly legacyPasswordUntil?: string
  /** False with `--no-secret` of `add`; true with `--secret` of `set`. */
  readonly secret?: boolean
}

interface ListMailboxesOptions extends ListOptions {
  readonly legacy?: boolean
  readonly domain?: string
  readonly upstream?: string
  readonly state?: Mailbox['state']
  readonly sort?: MailboxSort
}

interface SetOptions extends Omit<AddOptions, 'login'>, SendingOptions {
  /** False with `--no-login`. */
  readonly login?: string | false
  readonly disable?: boolean
  readonly enable?: boolean
  readonly allOf?: string
}

export function declareMailbox(mailbox: Command, terminal: Terminal): void {
  addExamples(mailbox, ['mailbox add anna@example.com', 'asks for the password at the real server, tries it, stores it sealed'])

  const add = mailbox.command('add <addr>').description('put a mailbox behind the gateway; tries the upstream login first')
  add.option('--upstream <name>', 'where its mail lives (default: the upstream of its domain, or the only one)')
  add.option('--login <login>', 'its name at the upstream, where that is not the address')
  add.option('--secret-stdin', 'take its upstream password from standard input instead of asking')
  add.option('--no-verify', 'store it without trying the login')
  addMigrationOption(add)
  add.option('--no-secret', 'store no upstream password yet: until it is set, only --legacy-password-until lets anybody in')
  addExamples(
    does(add, terminal, (context, [address], options) => addMailbox(context, address, options)),
    ['mailbox add anna@example.com', 'asks for the upstream password'],
    ['mailbox add anna@example.com --secret-stdin < password.txt', 'for scripts'],
    ['mailbox add anna@example.com --upstream main --login anna', 'at an upstream that knows her as “anna”'],
  )

  const list = mailbox.command('list').description('list mailboxes')
  list.option('--legacy', 'those that take a migration password, and who used it last')
  list.option('--domain <domain>', 'only those of this domain')
  list.option('--upstream <name>', 'only those whose mail lives there')
  list.addOption(new Option('--state <state>', 'only those that are so').choices(['active', 'disabled']))
  list.addOption(new Option('--sort <by>', 'address (default); created: the newest first').choices(['address', 'created']))
  addListOptions(list)
  addExamples(
    does(list, terminal, (context, _, options) => listMailboxes(context, options)),
    ['mailbox list', 'all of them'],
    ['mailbox list --domain example.com --state disabled', 'of one domain, those that are locked out'],
    ['mailbox list --legacy', 'who still uses a migration password, the latest first'],
  )

  addExamples(
    does(mailbox.command('show <addr>').description('show one mailbox'), terminal, (context, [address]) => showMailbox(context, address)),
    ['mailbox show anna@example.com', 'its upstream and how many devices it has'],
  )

  const set = mailbox.command('set [addr]').description('change upstream, login, secret, state of a mailbox, or what may be sent from it')
  set.option('--upstream <name>', 'where its mail lives')
  set.option('--login <login>', 'its name at the upstream')
  set.option('--no-login', 'its name at the upstream is the address again')
  set.option('--secret', 'ask for a new upstream password')
  set.option('--secret-stdin', 'take the new upstream password from standard input')
  set.option('--no-verify', 'store it without trying the login')
  set.option('--disable', 'lock all its devices out until it is enabled again')
  set.option('--enable', 'let its devices in again')
  addMigrationOption(set)
  set.option('--all-of <domain>', 'instead of an address: --legacy-password-until of every mailbox of a domain')
  addSendingOptions(set)
  addExamples(
    does(set, terminal, (context, [address], options) => setMailbox(context, address, options)),
    ['mailbox set anna@example.com --secret-stdin < new-password.txt', 'after its password changed at the real server'],
    ['mailbox set anna@example.com --disable', 'nobody gets in; mail keeps arriving'],
    ['mailbox set anna@example.com --senders own,info@example.com --check-from yes', 'sends as herself and as info, whatever her apps say'],
    ['mailbox set anna@example.com --recipients-per-day 500', 'a stolen password cannot send more'],
    ['mailbox set anna@example.com --legacy-password-until 30d', 'her apps may move one by one'],
    ['mailbox set --all-of example.com --legacy-password-until 2027-01-31', 'a whole domain moves'],
  )

  const remove = mailbox
    .command('remove <addr...>')
    .description('take mailboxes and their devices out; their mail stays where it is. “-”: one address a line of standard input')
  addSureOptions(remove)
  addExamples(
    does(remove, terminal, (context, [addresses], options) => removeMailboxes(context, addresses, options)),
    ['mailbox remove anna@example.com', 'asks first; its sessions end within a second'],
    ['mailbox remove - --dry-run < leavers.txt', 'what would go; with --yes instead it does'],
  )
}

async function answerMailbox(context: CommandContext, { mailbox, sending }: MailboxState): Promise<void> {
  const { formatFields } = await import('../frame/table.ts')
  const { address, upstream, login, hasSecret, state, createdAt, devices } = mailbox
  const fields: [string, string][] = [
    ['Address', address],
    ['State', state],
    ['Upstream', upstream],
    ['Login there', login ?? 'the address'],
    ['Secret', hasSecret ? 'stored, sealed' : 'none'],
    ['Created', `${formatIso(createdAt)} (${formatRelative(createdAt, context.terminal.now())})`],
    ['Migration password', formatMigrationEnd(mailbox.migrationPasswordUntil, context.terminal.now())],
    ['Devices', String(devices)],
    ...(sending === null ? [] : toSendingFields(sending)),
  ]
  context.answer(toMailboxDetails(mailbox, sending), () => formatFields(fields))
}

const MAILBOX_LIST: ListShape<Mailbox> = {
  columns: [
    { head: 'address', rank: 1, cell: mailbox => mailbox.address },
    { head: 'state', rank: 2, cell: mailbox => mailbox.state },
    { head: 'upstream', rank: 4, cell: mailbox => mailbox.upstream },
    { head: 'login', rank: 5, least: 10, cell: mailbox => mailbox.login ?? '-' },
    { head: 'devices', rank: 3, cell: mailbox => String(mailbox.devices) },
  ],
  toJson: toMailboxRow,
  whenEmpty: 'No mailboxes. Put one behind the gateway with: mailwicket mailbox add ADDR',
}

async function listMailboxes(context: CommandContext, { limit, sort, ...options }: ListMailboxesOptions): Promise<void> {
  const { domain, upstream, state } = options
  if (options.legacy === true) {
    if (sort !== undefined)
      throw new MailwicketError('BAD_INPUT', { message: '--legacy has an order of its own: who used it last comes first.', remedy: 'Leave --sort away.' })
    return listMigrationPasswords(context, { limit, domain, upstream, state })
  }
  const { readMailboxes } = await import('../../management/page-lists.ts')
  await manage(context, (useCases, operator) =>
    answerList(
      context,
      readMailboxes(useCases, operator, { filter: { domain, upstream, state }, sort, limit }),
      isNarrowed(options) ? { ...MAILBOX_LIST, whenEmpty: 'No mailbox is like that.' } : MAILBOX_LIST,
    ),
  )
}

async function showMailbox(context: CommandContext, address: string): Promise<void> {
  const { getMailbox } = await import('../../management/mailboxes/manage-mailboxes.ts')
  await answerMailbox(context, await manage(context, (useCases, operator) => getMailbox(useCases, operator, address)))
}

async function addMailbox(context: CommandContext, text: string, options: AddOptions): Promise<void> {
  const { addMailbox: add, planNewMailbox } = await import('../../management/mailboxes/manage-mailboxes.ts')
  const migrationPasswordUntil = options.legacyPasswordUntil === undefined ? null : parseMigrationEnd(options.legacyPasswordUntil, context.terminal.now())
  const wanted = { address: text, upstream: options.upstream, login: options.login ?? null }
  const added = await manage(context, async (useCases, operator) => {
    const { address, upstream } = await planNewMailbox(useCases, operator, wanted)
    const isBare = options.secret === false
    if (isBare) checkMayBeBare(upstream, options)
    const secret = isBare ? null : await readUpstreamSecret(context, upstream, address, options.secretStdin === true ? { secretStdin: true } : {})
    const trial = options.verify && !isBare ? 'try' : 'trust'
    return withAdvice(() => add(useCases, operator, { ...wanted, secret, migrationPasswordUntil, trial }))
  })
  await answerMailbox(context, added)
  await remarkDomain(context, added.mailbox)
  const who =
    migrationPasswordUntil === null ? 'Nobody gets in without a device' : 'Apps with the upstream password get in until then; the others need a device'
  context.remark(`${who}. Make one with: mailwicket device add ${added.mailbox.address} NAME`)
}

/** A slip in a domain is noticed here, or when no app gets in. */
async function remarkDomain(context: CommandContext, { address, upstream }: Mailbox): Promise<void> {
  const { upstreams, path } = await readConfig(context)
  const domain = domainOf(address)
  const domains = upstreams.flatMap(one => one.domains)
  if (domains.length === 0 || domains.includes(domain)) return
  const { nearest } = await import('../../base/nearest.ts')
  const meant = nearest(domain, domains)
  context.remark(
    `No upstream names the domain ${domain}${meant === undefined ? '' : ` (did you mean ${meant}?)`}; this mailbox goes to “${upstream}”. If that is right, add the domain to it in ${path}.`,
  )
}

/** Throws BAD_INPUT. */
function checkMayBeBare({ name, auth }: UpstreamConfig, options: AddOptions): void {
  if (auth.method === 'stored' && options.secretStdin !== true) return
  throw new MailwicketError('BAD_INPUT', {
    message: auth.method === 'stored' ? '--no-secret and --secret-stdin contradict each other.' : `The mailboxes of upstream “${name}” have no secrets anyway.`,
    remedy: 'Leave --no-secret away.',
  })
}

async function setMailbox(context: CommandContext, text: string | undefined, options: SetOptions): Promise<void> {
  if (options.allOf !== undefined) {
    checkAllOf(text, { ...options })
    return setMigrationEndOfDomain(context, options.allOf, options.legacyPasswordUntil ?? '')
  }
  if (text === undefined) throw new MailwicketError('BAD_INPUT', { message: 'Which mailbox?', remedy: 'Give its address, or a domain with --all-of.' })
  const { planLogin, setMailbox: set } = await import('../../management/mailboxes/manage-mailboxes.ts')
  const sending = await parseSendingOptions(options)
  checkSetOptions(options, sending !== undefined)
  const migrationPasswordUntil = options.legacyPasswordUntil === undefined ? undefined : parseMigrationEnd(options.legacyPasswordUntil, context.terminal.now())
  const login = options.login === false ? null : options.login
  const isSecretAsked = options.secret === true || options.secretStdin === true
  const state = options.disable === true ? 'disabled' : options.enable === true ? 'active' : undefined
  const changed = await manage(context, async (useCases, operator) => {
    const wanted = { address: text, upstream: options.upstream, login }
    let secret: Secret | undefined
    if (options.upstream !== undefined || login !== undefined || isSecretAsked) {
      const plan = await planLogin(useCases, operator, wanted)
      if (isSecretAsked || plan.secret === 'missing') secret = await readUpstreamSecret(context, plan.upstream, plan.address, options)
    }
    return withAdvice(() => set(useCases, operator, { ...wanted, secret, state, migrationPasswordUntil, sending, trial: options.verify ? 'try' : 'trust' }))
  })
  await answerMailbox(context, changed)
}

function checkSetOptions(options: SetOptions, hasSending: boolean): void {
  if (options.disable === true && options.enable === true)
    throw new MailwicketError('BAD_INPUT', { message: '--disable and --enable contradict each other.', remedy: 'Give one of them.' })
  const { upstream, login, secret, secretStdin, disable, enable, legacyPasswordUntil } = options
  if (!hasSending && [upstream, login, secret, secretStdin, disable, enable, legacyPasswordUntil].every(option => option === undefined)) {
    throw new MailwicketError('BAD_INPUT', {
      message: 'Nothing to change was given.',
      remedy: `Give at least one of --upstream, --login, --no-login, --secret, --secret-stdin, --disable, --enable, --legacy-password-until, ${SENDING_OPTIONS}.`,
    })
  }
}

/** Under `master` a mailbox has no secret of its own: none is asked for, and one that is given is an error. */
async function readUpstreamSecret(
  context: CommandContext,
  upstream: UpstreamConfig,
  address: string,
  options: { secretStdin?: boolean; secret?: boolean },
): Promise<Secret | undefined> {
  if (upstream.auth.method === 'master') {
    if (options.secretStdin !== true && options.secret !== true) return undefined
    throw new MailwicketError('BAD_INPUT', {
      message: `Upstream “${upstream.name}” is logged in to with a master user; its mailboxes have no secrets.`,
      remedy: 'Leave the secret away.',
    })
  }
  const { readSecret } = await import('../frame/secret-prompt.ts')
  return readSecret(context, {
    what: `Password of ${address} at upstream “${upstream.name}”`,
    option: '--secret-stdin',
    fromStdin: options.secretStdin === true,
    isNew: false,
  })
}

/** Says how to do without the trial. */
async function withAdvice<Result>(act: () => Promise<Result>): Promise<Result> {
  const { UpstreamTrialError } = await import('../../management/mailboxes/try-upstream.ts')
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof UpstreamTrialError)) throw error
    const remedy = `${remedyFor(error)}\nNothing was stored. --no-verify stores without trying.`
    throw new MailwicketError(error.code, { message: error.message, remedy, cause: error })
  }
}

async function removeMailboxes(context: CommandContext, addresses: readonly string[], options: SureOptions): Promise<void> {
  const [{ endThings }, { getMailbox, removeMailbox }] = await Promise.all([
    import('../frame/end-things.ts'),
    import('../../management/mailboxes/manage-mailboxes.ts'),
  ])
  await endThings(context, addresses, options, {
    find: async (useCases, operator, address) => (await getMailbox(useCases, operator, address)).mailbox,
    ask: ([one, ...others]) => {
      if (others.length === 0) return `Remove ${one.address} and its devices (${one.devices})? Its mail stays where it is.`
      const devices = others.reduce((sum, mailbox) => sum + mailbox.devices, one.devices)
      return `Remove ${others.length + 1} mailboxes and their devices (${devices})? Their mail stays where it is.`
    },
    foresee: ({ address, devices }) => ({ address, devices }),
    end: (useCases, operator, { address }) => removeMailbox(useCases, operator, { address }),
    toJson: ({ address, devices }) => ({ address, devices }),
    format: ({ address, devices }) => `Removed ${address} and ${devices === 1 ? '1 device' : `${devices} devices`}.\n`,
  })
}
