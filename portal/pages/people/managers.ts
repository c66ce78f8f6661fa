/** Who manages which mail service. */
import { MailwicketError } from '../../../base/errors.ts'
import { pageDomains, pageUsers } from '../../../management/page-lists.ts'
import { grantRole, listRoles, revokeRole } from '../../../management/people/manage-rights.ts'
import { links } from '../../links.ts'
import type { FormState } from '../../views/page-context.ts'
import { type ManagersModel, managersView } from '../../views/people/managers-view.ts'
import { showPage } from '../../web/answers.ts'
import { badRequest } from '../../web/error-answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { doneThen } from '../../web/said.ts'
import { namesOf } from '../parts/people-names.ts'
import { isService } from '../parts/upstreams.ts'

const MOST_CHOICES = 500

export async function showManagers(request: SignedInRequest): Promise<Response> {
  return managersPage(request, {})
}

async function managersPage(request: SignedInRequest, form: FormState<'login' | 'domain'>): Promise<Response> {
  const { context, actor, session, m, page } = request
  const managers = new Map<string, ManagersModel['managers'][number]>()
  for (const { user, name, domain } of await listRoles(context, actor))
    if (domain !== null) managers.set(user, { login: user, name: name ?? user, domains: [...(managers.get(user)?.domains ?? []), domain] })
  const model = {
    managers: [...managers.values()],
    // Oneself is not offered: who asks manages all services, and a change of one's own roles signs one out.
    people: (await pageUsers(context, actor, { limit: MOST_CHOICES })).rows
      .filter(({ login }) => login !== session.user.login)
      .map(({ login, name }) => ({ login, name: name ?? login })),
    domains: (await pageDomains(context, actor, { limit: MOST_CHOICES })).rows.map(({ domain }) => domain),
    form: { ...form, confirmNeeded: !session.isConfirmed },
  }
  return showPage(managersView(model, m, page), { status: form.errors === undefined ? 200 : 422 })
}

export async function changeManagers(request: SignedInRequest): Promise<Response> {
  const { context, actor, form, m } = request
  const [login, domain] = [form.text('login'), form.text('domain')]
  const input = { login, role: { role: 'manager', domain } } as const
  try {
    const act = { add: grantRole, remove: revokeRole }[form.text('act')]
    if (act === undefined) return badRequest(request, 'form')
    if (act === grantRole && !(await isService(request, domain)))
      return managersPage(request, { values: form.shown(), errors: { domain: m.problems.unknownDomain(domain) } })
    await act(context, actor, input)
  } catch (error) {
    if (!(error instanceof MailwicketError)) throw error
    if (error.code === 'NOT_FOUND') return managersPage(request, { values: form.shown(), errors: { login: m.problems.unknownPerson } })
    if (error.code === 'BAD_INPUT') return managersPage(request, { values: form.shown(), errors: { domain: m.problems.unknownDomain(domain) } })
    throw error
  }
  return doneThen(request, links.managers, 'rightsSaved', (await namesOf(request, [login]))(login))
}
