/**
 * Every English sentence of the portal; also the type that the other languages have, so that a missing or misnamed message does not compile.
 *
 * A message is a string, or a function of what stands in it. One that marks a word or holds a name gives HTML, with every name escaped and in `<bdi>`.
 */
import { account } from './en/account.ts'
import { activity } from './en/activity.ts'
import { devices } from './en/devices.ts'
import { frame } from './en/frame.ts'
import { mailboxes } from './en/mailboxes.ts'
import { people } from './en/people.ts'
import { results } from './en/results.ts'

export const en = { ...frame, ...mailboxes, ...devices, ...people, ...account, ...activity, ...results }

export type Messages = typeof en
