/** A new password for a device: generated, another one, or one's own. The course is that of a new device. */
import { MailwicketError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import { changePassword, type DeviceWithPassword, getDevice } from '../../../management/devices/manage-devices.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import { links } from '../../links.ts'
import { changePasswordView } from '../../views/devices/change-device-views.ts'
import { ownPasswordView } from '../../views/devices/password-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { seeOther, showPage } from '../../web/answers.ts'
import { onceFor, onceOnly } from '../../web/once.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { checkChoice, FieldErrors } from '../parts/form-checks.ts'
import { domainSeenBy } from '../parts/mailbox-head.ts'
import { secretIsShown } from '../parts/shown-secret.ts'
import { findEnding } from './ending.ts'
import { keepsAll, type OwnPasswordRules, rulesOf } from './own-password.ts'

export async function showChangePassword(request: SignedInRequest): Promise<Response> {
  const { device } = await getDevice(request.context, request.actor, request.param('d'))
  if (device.state === 'revoked') return seeOther(links.device(device.mailbox, device.id))
  if (request.query.get('way') === 'own')
    return mayChooseOwn(request) ? ownPage(request, device, {}) : seeOther(links.devicePassword(device.mailbox, device.id))
  return choicePage(request, device, {})
}

async function choicePage(request: SignedInRequest, device: Device, form: FormState<'way'>): Promise<Response> {
  const { m, page, session, reach } = request
  const { id, name, mailbox: address } = device
  const { sessions, others } = await findEnding(request, device)
  const model = {
    address,
    domain: domainSeenBy(reach, address),
    device: { id, name },
    form: { ...form, once: onceFor(request, links.devicePassword(address, id)), confirmNeeded: !session.isConfirmed },
    sessions,
    others,
    mayChooseOwn: mayChooseOwn(request),
  }
  return showPage(changePasswordView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

/** One's own password is typed on a page that asked before: it does not wait anywhere. */
export const confirmOwnPage = async ({ query }: SignedInRequest): Promise<'password' | undefined> => (query.get('way') === 'own' ? 'password' : undefined)

const mayChooseOwn = ({ services }: SignedInRequest): boolean => !services.config().generatedOnly

function ownPage(request: SignedInRequest, device: Device, form: FormState<'password'>, rules?: OwnPasswordRules): Response {
  const { m, page, reach } = request
  const { id, name, mailbox: address } = device
  const model = {
    address,
    domain: domainSeenBy(reach, address),
    device: { id, name },
    course: 'changed' as const,
    form: { ...form, once: onceFor(request, links.devicePassword(address, id)) },
    rules,
  }
  return showPage(ownPasswordView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function checkChangePassword(request: SignedInRequest): Promise<Response | undefined> {
  const { form, m } = request
  const { device } = await getDevice(request.context, request.actor, request.param('d'))
  // Disconnected meanwhile, in another tab or by somebody else: its page says so.
  if (device.state === 'revoked') return seeOther(links.device(device.mailbox, device.id))
  const errors = new FieldErrors<'way'>()
  const way = checkChoice(form, 'way', ['generated', 'own'], errors, m)
  if (way === undefined) return choicePage(request, device, { errors: errors.errors })
  if (way === 'generated') return undefined
  if (!form.has('password') || !mayChooseOwn(request)) return seeOther(links.deviceOwnPassword(device.mailbox, device.id))
  const password = form.text('password')
  const rules = await rulesOf(password, device)
  return keepsAll(rules) ? undefined : ownPage(request, device, { values: { password }, errors: { password: m.problems.passwordRules } }, rules)
}

export async function makePassword(request: SignedInRequest): Promise<Response> {
  const { actor, form, m } = request
  const own = form.text('way') === 'own' ? form.text('password') : undefined
  const context = onceOnly<DeviceWithPassword>(request, ({ device }) => links.deviceShown(device.mailbox, device.id))
  try {
    const { device, password } = await changePassword(context, actor, {
      ref: request.param('d'),
      password: own === undefined ? undefined : Secret.fromText(own),
    })
    return secretIsShown(request, links.deviceShown(device.mailbox, device.id), device.id, password)
  } catch (error) {
    // Used by another device, or one too many of them: the store knows.
    if (own === undefined || !(error instanceof MailwicketError) || error.code !== 'BAD_INPUT') throw error
    const { device } = await getDevice(request.context, actor, request.param('d'))
    return ownPage(request, device, { errors: { password: m.problems.passwordRules } }, await rulesOf(own, device))
  }
}
