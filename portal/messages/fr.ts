/** Every French sentence of the portal. */

import type { Messages } from './en.ts'
import { account } from './fr/account.ts'
import { activity } from './fr/activity.ts'
import { devices } from './fr/devices.ts'
import { frame } from './fr/frame.ts'
import { mailboxes } from './fr/mailboxes.ts'
import { people } from './fr/people.ts'
import { results } from './fr/results.ts'

export const fr: Messages = { ...frame, ...mailboxes, ...devices, ...people, ...account, ...activity, ...results }
