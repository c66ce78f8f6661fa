/** One person: what they may, which mailboxes and devices are theirs. */
import { listDevices } from '../../../management/devices/manage-devices.ts'
import { getAccess } from '../../../management/people/manage-rights.ts'
import { getUser } from '../../../management/people/manage-users.ts'
import { may } from '../../../management/permissions.ts'
import { readPlace } from '../../../management/reach.ts'
import { RIGHTS } from '../../views/mailboxes/mailbox-users-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { type PersonModel, personView } from '../../views/people/person-view.ts'
import { isSomewhere } from '../../web/access.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { actsOf } from '../devices/device-rows.ts'
import { deviceKindOf } from '../parts/device-kind.ts'
import { stateOf } from '../parts/device-state.ts'
import { firstNameOf } from '../parts/people-names.ts'

export async function showPerson(request: SignedInRequest): Promise<Response> {
  const { kept } = request
  if (kept === undefined) return personPage(request, {})
  return personPage(request, kept.has('domains') ? { domains: { values: kept.shown() } } : { rights: { values: kept.shown() } })
}

/** `forms`: those that come back. */
export async function personPage(request: SignedInRequest, forms: { readonly rights?: FormState; readonly domains?: FormState<'domains'> }): Promise<Response> {
  const { context, actor, reach, session, services, m, page } = request
  const { user, version } = await getUser(context, actor, request.param('u'))
  const { login } = user
  const nouns = services.store.as({ name: actor.login, source: actor.source })
  const [roles, record] = [await nouns.roles.of(login), await nouns.credentials.find(login)]
  const mayChange = may(reach, 'person.change', { person: await readPlace(nouns, login) }) === 'yes'
  const mayMakeRoles = may(reach, 'roles.change', 'installation') === 'yes'
  const isLast = roles.isAdmin && (await nouns.roles.list()).filter(({ role }) => role === 'admin').length === 1
  const isSelf = login === actor.login
  const [last] = await nouns.audit.newestOf(user.id, 'user.signed-in', 1)
  const state = { version, confirmNeeded: !session.isConfirmed }
  const name = user.name ?? login
  const model: PersonModel = {
    login,
    name,
    firstName: firstNameOf(name),
    self: isSelf,
    lastSignInAt: last?.at ?? null,
    secondStep: record?.hasTotp === true ? (record.passkeys > 0 ? 'both' : 'app') : (record?.passkeys ?? 0) > 0 ? 'passkey' : 'none',
    notStarted: record?.phc == null && record?.passkeys === 0,
    blocked: user.state === 'blocked',
    maySend: user.maySend,
    administrator: roles.isAdmin,
    lastAdministrator: isLast,
    domains: roles.domains,
    mailboxes: (await getAccess(context, actor, login)).rights.map(({ mailbox, ...rights }) => ({ address: mailbox, rights })),
    devices: (await listDevices(context, actor, { user: login })).map(device => ({
      id: device.id,
      name: device.name,
      kind: deviceKindOf(device.name, device.lastConnection?.app),
      mailbox: device.mailbox,
      connected: device.sessions > 0,
      lastConnectionAt: device.lastConnection?.at ?? null,
      app: device.lastConnection?.app ?? null,
      state: stateOf(device),
      may: actsOf(request, device),
    })),
    may: {
      sending: mayChange,
      administrator: mayMakeRoles && !isSelf,
      domains: mayMakeRoles && !isSelf,
      rights: isSomewhere(reach, 'rights.give-manage') ? RIGHTS : [],
      newStart: mayChange && !isSelf,
      block: mayChange && !isSelf && !isLast,
      remove: mayChange && !isSelf && !isLast,
    },
    acts: state,
    rightsForm: { ...forms.rights, ...state },
    domainsForm: { ...forms.domains, ...state },
  }
  const isWrong = forms.rights !== undefined || forms.domains !== undefined
  return showPage(personView(model, m, page), { status: isWrong && request.method === 'POST' ? 422 : 200 })
}
