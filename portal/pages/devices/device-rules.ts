/** Renaming a device and changing its rules. What is loosened asks who it is; what somebody else changed meanwhile is told. */
import { MailwicketError } from '../../../base/errors.ts'
import { getDevice, setDevice } from '../../../management/devices/manage-devices.ts'
import { isOf } from '../../../management/find-subject.ts'
import { widensTerms } from '../../../management/narrowing.ts'
import { may } from '../../../management/permissions.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { DeviceTerms } from '../../../store/accounts/devices/devices.ts'
import { links } from '../../links.ts'
import type { RuleFields } from '../../views/devices/device-view.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { changedBy, isChangedMeanwhile, versionOf } from '../parts/changed-meanwhile.ts'
import {
  again,
  checkChoice,
  checkDay,
  checkName,
  checkNetworks,
  FieldErrors,
  isUnknownPerson,
  SCOPE_CHOICES,
  scopeChoiceOf,
  scopesOf,
} from '../parts/form-checks.ts'
import { DEVICE_NAME } from './add-device.ts'
import { devicePage } from './device.ts'

interface NewRules {
  readonly name?: string
  readonly terms: DeviceTerms
}

export async function checkRules(request: SignedInRequest): Promise<Response | undefined> {
  const { device } = await getDevice(request.context, request.actor, request.param('d'))
  const read = readRules(request, device)
  return read instanceof FieldErrors ? devicePage(request, again(read, request.form.shown(), request.m)) : undefined
}

/** Only what gives the device more is worth a question. */
export async function confirmRules(request: SignedInRequest): Promise<'rights' | undefined> {
  const { device } = await getDevice(request.context, request.actor, request.param('d'))
  const read = readRules(request, device)
  if (read instanceof FieldErrors) return undefined
  return widensTerms(device, read.terms) || read.terms.user !== undefined ? 'rights' : undefined
}

export async function saveRules(request: SignedInRequest): Promise<Response> {
  const { context, actor, form, m } = request
  const { device } = await getDevice(context, actor, request.param('d'))
  const read = readRules(request, device)
  if (read instanceof FieldErrors) return devicePage(request, again(read, form.shown(), m))
  try {
    await setDevice(context, actor, { ref: device.id, version: versionOf(request), ...read })
  } catch (error) {
    if (isChangedMeanwhile(error)) return devicePage(request, { problem: await changedBy(request, device.id) })
    if (!(error instanceof MailwicketError)) throw error
    const errors = new FieldErrors<RuleFields>()
    if (isUnknownPerson(error)) errors.add('user', m.problems.unknownPerson)
    else if (error.code !== 'ALREADY_EXISTS' && error.code !== 'BAD_INPUT') throw error
    else errors.add('name', error.code === 'ALREADY_EXISTS' ? m.problems.deviceNameTaken(form.text('name').trim()) : m.problems.nameCharacters)
    return devicePage(request, again(errors, form.shown(), m))
  }
  return doneThen(request, links.device(device.mailbox, device.id), 'saved')
}

/** What differs from the device as it is; a field that the form did not have stays. */
function readRules({ form, m, page, reach }: SignedInRequest, device: Device): NewRules | FieldErrors<RuleFields> {
  const { formats } = page
  const errors = new FieldErrors<RuleFields>()
  const name = form.has('name') ? checkName(form.text('name'), 'name', DEVICE_NAME, errors, m) : undefined
  const present = { scope: scopeChoiceOf(device.scopes), ends: device.expiresAt === null ? '' : formats.isoDay(device.expiresAt) }
  const ends = form.has('ends') ? form.text('ends').trim() : present.ends
  const expiresAt = ends === present.ends ? undefined : ends === '' ? null : checkDay(ends, 'ends', errors, m, formats)
  const allowFrom = form.has('networks') ? checkNetworks(form.list('networks'), 'networks', errors, m) : undefined
  const scope = form.has('scope') ? checkChoice(form, 'scope', SCOPE_CHOICES, errors, m) : present.scope
  const user = form.has('user') && may(reach, 'device.add-for-others', isOf(device)) === 'yes' ? form.text('user') || null : device.user
  if (!errors.isEmpty || scope === undefined) return errors
  return {
    ...(name !== undefined && name !== device.name && { name }),
    terms: {
      ...(scope !== present.scope && { scopes: scopesOf(scope) }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(allowFrom !== undefined && allowFrom.join() !== device.allowFrom.join() && { allowFrom }),
      ...(user !== device.user && { user }),
    },
  }
}
