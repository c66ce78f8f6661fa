/** Settings of a mailbox: what the reader may see of them, each part a form of its own. */
import { may } from '../../../management/permissions.ts'
import { type MailboxSettingsModel, mailboxSettingsView } from '../../views/mailboxes/mailbox-settings-view.ts'
import type { FormState } from '../../views/page-context.ts'
import { showPage } from '../../web/answers.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { loadMailbox } from '../parts/mailbox-head.ts'

export type SettingsPart = 'addresses' | 'login' | 'sending'

export async function showSettings(request: SignedInRequest): Promise<Response> {
  const { kept } = request
  const part = kept === undefined ? undefined : kept.has('perDay') ? 'sending' : kept.has('aliases') ? 'addresses' : 'login'
  return settingsPage(request, part === undefined || kept === undefined ? {} : { [part]: { values: kept.shown() } })
}

/** `forms`: those that come back. */
export async function settingsPage(request: SignedInRequest, forms: Partial<Record<SettingsPart, FormState>>): Promise<Response> {
  const { reach, session, services, m, page } = request
  const { head, mailbox, aliases, sending, version } = await loadMailbox(request)
  const isAllowed = (action: Parameters<typeof may>[1]) => may(reach, action, { mailbox: head.address }) === 'yes'
  const confirmNeeded = !session.isConfirmed
  const stateOf = (part: SettingsPart): FormState => ({ ...forms[part], version, confirmNeeded })
  const mayChooseLogin = may(reach, 'mailbox.upstream', 'installation') === 'yes'
  const model: MailboxSettingsModel = {
    mailbox: head,
    server: mailbox.upstream,
    addresses: isAllowed('mailbox.describe') ? { form: stateOf('addresses'), aliases, mayChangeAliases: true } : undefined,
    login: isAllowed('mailbox.secret')
      ? {
          form: stateOf('login'),
          servers: services.config().upstreams.map(({ name }) => name),
          login: mailbox.login ?? mailbox.address,
          mayChooseLogin,
          stored: mailbox.hasSecret,
        }
      : undefined,
    sending:
      sending !== null && isAllowed('sending.narrow')
        ? {
            form: stateOf('sending'),
            allowed: sending.maySend,
            perDay: sending.recipientsPerDay,
            perMessage: sending.recipientsPerMessage,
            onlyNarrow: !isAllowed('sending.widen'),
            most: { perDay: null, perMessage: null },
          }
        : undefined,
    mayPause: isAllowed('mailbox.pause'),
    mayDisconnectAll: isAllowed('device.disconnect'),
    mayRemove: isAllowed('mailbox.remove'),
    acts: { version, confirmNeeded },
  }
  const isWrong = Object.values(forms).some(form => form?.problem !== undefined || form?.errors !== undefined)
  return showPage(mailboxSettingsView(model, m, page), { status: isWrong ? 422 : 200 })
}
