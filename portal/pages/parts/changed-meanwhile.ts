/** What to say when somebody else changed a thing while its form was open. */
import { MailwicketError } from '../../../base/errors.ts'
import type { Html } from '../../html.ts'
import type { SignedInRequest } from '../../web/page-request.ts'
import { namesOf } from './people-names.ts'

/** The version in the form; undefined: none, or one that is no number. */
export function versionOf({ form }: SignedInRequest): number | undefined {
  const text = form.text('version')
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

export const isChangedMeanwhile = (error: unknown): boolean => error instanceof MailwicketError && error.code === 'CHANGED_MEANWHILE'

/** By whom and when, of the latest change since the form was shown. */
export async function changedBy(request: SignedInRequest, subjectId: string): Promise<Html | string> {
  const { services, actor, m, page } = request
  const { audit } = services.store.as({ name: actor.login, source: actor.source })
  const last = (await audit.changesSince(subjectId, versionOf(request) ?? 0)).at(-1)
  if (last === undefined) return m.problems.checkFields
  const name = await namesOf(request, [last.actor])
  return m.problems.changedMeanwhile(name(last.actor), page.formats.moment(last.at))
}
