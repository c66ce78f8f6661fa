/**
 * “Did you mean …?” for a mailbox, device or user that is not there. Only the operator asks here, who may see them all; elsewhere a guess tells nothing.
 */
import { MailwicketError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import { isProblem } from '../../base/problems.ts'
import type { Names } from '../../store/accounts/names.ts'
import { remedyFor } from './remedies.ts'

/** A typo is looked for among so many. */
const LOOKED_AT = 50_000

/** The same error with a suggestion in its remedy, where there is something alike. */
export async function withSuggestion(names: Names, error: unknown): Promise<unknown> {
  if (!(error instanceof MailwicketError) || !isProblem(error)) return error
  const meant = await findMeant(names, error).catch(() => undefined)
  if (meant === undefined) return error
  return new MailwicketError(error.code, { message: error.message, remedy: `Did you mean ${meant}? ${remedyFor(error)}`, cause: error })
}

function findMeant(names: Names, problem: MailwicketError): Promise<string | undefined> {
  if (!isProblem(problem)) return Promise.resolve(undefined)
  switch (problem.reason) {
    case 'mailbox.unknown':
      return nearestMailbox(names, problem.facts.address)
    case 'user.unknown':
      return names.users({ beginning: '', limit: LOOKED_AT }).then(all => nearestAddress(problem.facts.login, all))
    case 'device.unknown':
    case 'device.ref-form':
      return findDevice(names, problem.facts.ref)
    default:
      return Promise.resolve(undefined)
  }
}

export async function nearestMailbox(names: Names, address: string): Promise<string | undefined> {
  return nearestAddress(address, await names.mailboxes({ beginning: '', limit: LOOKED_AT }))
}

/** A slip is in the part before the @ or in the domain. What is before it is judged by itself: a long domain would make all names alike. */
function nearestAddress(address: string, all: readonly string[]): string | undefined {
  const [local, domain] = split(address)
  const here = all.map(split).filter(one => one[1] === domain)
  const found = nearest(
    local,
    here.map(one => one[0]),
  )
  if (found !== undefined) return domain === '' ? found : `${found}@${domain}`
  const domains = all.map(split).filter(one => one[0] === local)
  const meant = nearest(
    domain,
    domains.map(one => one[1]),
  )
  return meant === undefined ? undefined : `${local}@${meant}`
}

function split(address: string): readonly [local: string, domain: string] {
  const at = address.lastIndexOf('@')
  return at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at + 1)]
}

async function findDevice(names: Names, ref: string): Promise<string | undefined> {
  const slash = ref.indexOf('/')
  if (slash < 0) {
    const [one, ...others] = await names.devicesNamed(ref, 2)
    return one === undefined || others.length > 0 ? undefined : one
  }
  const [address, name] = [ref.slice(0, slash), ref.slice(slash + 1)]
  const mailbox = await nearestMailbox(names, address)
  if (mailbox === undefined) return undefined
  const refs = await names.devices({ beginning: `${mailbox}/`, limit: LOOKED_AT })
  const found = nearest(
    name,
    refs.map(one => one.slice(mailbox.length + 1)),
  )
  return found === undefined ? undefined : `${mailbox}/${found}`
}
