/**
 * `mailwicket device revoke`: ends devices for good, named one by one, from standard input, or all of a mailbox. None of them when one is not found.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { toDeviceDetails } from '../../../management/devices/device-json.ts'
import type { Ending } from '../../../management/devices/disconnect-devices.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, does } from '../../frame/command-frame.ts'
import { addSureOptions, areWholeIds, checkRefs, confirm, type SureOptions } from '../../frame/confirm.ts'
import { formatEnd, formatRelative } from '../../frame/moment.ts'
import { openProgress } from '../../frame/progress.ts'
import { readRefs } from '../../frame/read-refs.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'

interface RevokeOptions extends SureOptions {
  readonly all?: string
}

export function declareRevoke(device: Command, terminal: Terminal): void {
  const revoke = device
    .command('revoke [id...]')
    .description('end devices for good; their sessions end within a second. “-”: one ID or ADDR/NAME a line of standard input')
  revoke.option('--all <addr>', 'every device of this mailbox')
  addSureOptions(revoke)
  addExamples(
    does(revoke, terminal, (context, [refs], options) => revokeDevices(context, refs, options)),
    ['device revoke anna@example.com/phone', 'one device; asks first'],
    ['device revoke 3f9k 7tq2 --yes', 'several, without being asked: all of them, or none when one is not found'],
    ['device revoke --all anna@example.com', 'everything that reads this mailbox'],
    ['device revoke - --dry-run < ids.txt', 'what would end; with --yes instead it does'],
  )
}

async function revokeDevices(context: CommandContext, given: readonly string[], options: RevokeOptions): Promise<void> {
  const { all, dryRun } = options
  if ((all === undefined) === (given.length === 0)) {
    throw new MailwicketError('BAD_INPUT', {
      message: 'Which devices to revoke?',
      remedy: 'Name devices (ID or ADDR/NAME), or a whole mailbox with --all ADDR; not both.',
    })
  }
  checkRefs(given.filter(ref => ref !== '-'))
  const refs = await readRefs(context, given)
  checkRefs(refs)
  const { disconnectAll, disconnectMany, previewDisconnect, previewDisconnectAll } = await import('../../../management/devices/disconnect-devices.ts')
  const { devices, before } = await manage(context, async (useCases, operator) => {
    const ending = await (all === undefined ? previewDisconnect(useCases, operator, { refs }) : previewDisconnectAll(useCases, operator, { mailbox: all }))
    const before = ending.devices
    if (dryRun === true) return { devices: before, before }
    if (before.some(({ state }) => state !== 'revoked')) {
      const isSaid = areWholeIds(given) && context.terminal.stdin.isTTY !== true
      if (!isSaid) await confirm(context, ask(ending, all, context.terminal.now()), options)
    }
    if (all !== undefined) return { devices: (await disconnectAll(useCases, operator, { mailbox: all })).devices, before }
    const ids = before.flatMap(({ id, state }) => (state === 'revoked' ? [] : [id]))
    const progress = await openProgress(context, 'Devices')
    const revoked = await disconnectMany(useCases, operator, { ids, onProgress: progress.onProgress }).finally(progress.stop)
    const ended = new Map(revoked.map(one => [one.id, one]))
    return { devices: before.map(device => ended.get(device.id) ?? device), before }
  })
  const now = context.terminal.now()
  const was = new Map(before.map(device => [device.id, device]))
  const done = dryRun === true ? 'Would revoke' : 'Revoked'
  const lines = devices.map(device => `${formatOutcome(was.get(device.id) ?? device, done, now)}\n`)
  context.answer(devices.map(toDeviceDetails), () => (lines.length === 0 ? 'There was no device to revoke.\n' : lines.join('')))
  if (dryRun === true) context.remark('Nothing was changed.')
}

/** One device is asked for with what it is known by. */
function ask({ devices, sessions }: Ending, all: string | undefined, now: number): string {
  const ending = devices.filter(({ state }) => state !== 'revoked')
  const [one, ...others] = ending
  const live = sessions === 0 ? '' : `, ${sessions === 1 ? '1 live session' : `${sessions} live sessions`}`
  if (one !== undefined && others.length === 0) {
    const last = one.lastConnection
    const known = last === null ? 'never connected' : `last connection ${formatRelative(last.at, now)}${last.app === null ? '' : ` by ${last.app}`}`
    return `Revoke ${one.mailbox}/${one.name} (${one.id}; ${known}${live})? Its password is over for good.`
  }
  const mailboxes = new Set(ending.map(({ mailbox }) => mailbox)).size
  const whose = all === undefined ? ` of ${mailboxes === 1 ? '1 mailbox' : `${mailboxes} mailboxes`}` : ` of ${all}`
  return `Revoke ${all === undefined ? '' : 'all '}${ending.length} devices${whose}${live}? Their passwords are over for good.`
}

function formatOutcome({ id, mailbox, name, state, revokedAt }: Device, done: string, now: number): string {
  if (state === 'revoked' && revokedAt !== null) return `${mailbox}/${name} (${id}) was revoked already: ${formatEnd(revokedAt, now)}.`
  return `${done} ${mailbox}/${name} (${id}).`
}
