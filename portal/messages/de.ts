/** Every German sentence of the portal. */
import { account } from './de/account.ts'
import { activity } from './de/activity.ts'
import { devices } from './de/devices.ts'
import { frame } from './de/frame.ts'
import { mailboxes } from './de/mailboxes.ts'
import { people } from './de/people.ts'
import { results } from './de/results.ts'
import type { Messages } from './en.ts'

export const de: Messages = { ...frame, ...mailboxes, ...devices, ...people, ...account, ...activity, ...results }
