/** What a reader may open, in the order of the navigation: the rules of those pages, asked once more. */
import type { Reach } from '../../management/permissions.ts'
import { links } from '../links.ts'
import type { NavigationEntry, Place } from '../views/page-context.ts'
import { isSomewhere } from './access.ts'

/** Whether somebody looks after whole domains; everybody else begins with the mailboxes that are theirs. */
export const seesServices = (reach: Reach): boolean => isSomewhere(reach, 'mailbox.add')

export const homeOf = (reach: Reach): string => (seesServices(reach) ? links.services : links.mailboxes)

const PLACES: Readonly<Record<Place, (reach: Reach) => boolean>> = {
  services: seesServices,
  mailboxes: reach => !seesServices(reach),
  people: reach => isSomewhere(reach, 'person.add'),
  invitations: reach => isSomewhere(reach, 'mailbox.invite'),
  activity: reach => isSomewhere(reach, 'activity.view', true),
  account: () => true,
}

export function navigationOf(reach: Reach): NavigationEntry[] {
  return (Object.keys(PLACES) as Place[]).filter(place => PLACES[place](reach)).map(place => ({ place }))
}
