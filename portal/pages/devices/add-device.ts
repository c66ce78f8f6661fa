/** Adding a device: the form, what is wrong with it before anybody is asked who they are, and the device with its password. */
import { MailwicketError } from '../../../base/errors.ts'
import { type AddDeviceInput, addDevice, checkNewDevice, type DeviceWithPassword } from '../../../management/devices/manage-devices.ts'
import { listPeople } from '../../../management/people/manage-rights.ts'
import { may } from '../../../management/permissions.ts'
import { links } from '../../links.ts'
import { type AddDeviceModel, addDeviceView, type DeviceFields } from '../../views/devices/add-device-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { again, checkChoice, checkName, FieldErrors, isUnknownPerson } from '../parts/form-checks.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { secretIsShown } from '../parts/shown-secret.ts'
import { addressOf } from '../parts/subject.ts'
import { readTerms } from './device-terms.ts'

export const DEVICE_NAME = { max: 100, without: '/' } as const

export async function showAddDevice(request: SignedInRequest): Promise<Response> {
  return formPage(request, request.kept === undefined ? {} : { values: request.kept.shown() })
}

async function formPage(request: SignedInRequest, form: FormState<DeviceFields>): Promise<Response> {
  const { reach, session, m, page, client } = request
  const address = addressOf(request)
  const model: AddDeviceModel = {
    address,
    domain: domainSeenBy(reach, address),
    form: { ...form, once: onceFor(request, links.devices(address)), confirmNeeded: !session.isConfirmed },
    people: await findPeople(request, address),
    forOthers: may(reach, 'device.add-for-others', { mailbox: address }) === 'yes',
    mayInvite: may(reach, 'mailbox.invite', { mailbox: address }) === 'yes',
    clientAddress: client.ip,
  }
  return showPage(addDeviceView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

/** Those with a right here, and the reader. */
export async function findPeople({ context, actor, reach, session }: SignedInRequest, address: string): Promise<{ login: string; name: string }[]> {
  const self = { login: session.user.login, name: session.user.name ?? session.user.login }
  if (may(reach, 'rights.view', { mailbox: address }) !== 'yes') return [self]
  const here = (await listPeople(context, actor, address))
    .filter(({ state }) => state === 'active')
    .map(({ user, name }) => ({ login: user, name: name ?? user }))
  return here.some(({ login }) => login === self.login) ? here : [...here, self]
}

/** Undefined: it may go on. */
export async function checkAddDevice(request: SignedInRequest): Promise<Response | undefined> {
  const read = readNewDevice(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, request.form.shown(), request.m))
  return tryOrSay(request, async () => {
    await checkNewDevice(request.context, request.actor, read)
    return undefined
  })
}

export async function makeDevice(request: SignedInRequest): Promise<Response> {
  const read = readNewDevice(request)
  if (read instanceof FieldErrors) return formPage(request, again(read, request.form.shown(), request.m))
  return tryOrSay(request, async () => {
    const context = onceOnly<DeviceWithPassword>(request, ({ device }) => links.deviceShown(device.mailbox, device.id))
    const { device, password } = await addDevice(context, request.actor, read)
    return secretIsShown(request, links.deviceShown(device.mailbox, device.id), device.id, password)
  })
}

function readNewDevice(request: SignedInRequest): AddDeviceInput | FieldErrors<DeviceFields> {
  const { form, m, reach, session } = request
  const address = addressOf(request)
  const errors = new FieldErrors<DeviceFields>()
  const name = checkName(form.text('name'), 'name', DEVICE_NAME, errors, m)
  const isForOthers = may(reach, 'device.add-for-others', { mailbox: address }) === 'yes'
  const whose = isForOthers ? checkChoice(form, 'user', ['none', 'person'], errors, m) : 'self'
  const user = { self: session.user.login, person: form.text('person'), none: null }[whose ?? 'none']
  const terms = readTerms(form, errors, request)
  return name === undefined || !errors.isEmpty ? errors : { mailbox: address, name, user, ...terms }
}

/** What only the store knows of: the name is taken, the person is gone. */
async function tryOrSay<Result>(request: SignedInRequest, act: () => Promise<Result>): Promise<Result | Response> {
  const { form, m } = request
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    const errors = new FieldErrors<DeviceFields>()
    if (isUnknownPerson(error)) errors.add('person', m.problems.unknownPerson)
    else if (error.code !== 'ALREADY_EXISTS' && error.code !== 'BAD_INPUT') throw error
    else errors.add('name', error.code === 'ALREADY_EXISTS' ? m.problems.deviceNameTaken(form.text('name').trim()) : m.problems.nameCharacters)
    return formPage(request, again(errors, form.shown(), m))
  }
}
