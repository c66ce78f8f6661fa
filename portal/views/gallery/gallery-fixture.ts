/** Every page of the portal with data as in the mock-ups, by the name of its mock-up or of its route. Drawn by the unit tests and for the pictures. */
import { accountPages } from './account-pages-fixture.ts'
import { devicePages } from './device-pages-fixture.ts'
import type { GalleryPage } from './gallery-page-fixture.ts'
import { mailboxPages } from './mailbox-pages-fixture.ts'
import { peoplePages } from './people-pages-fixture.ts'
import { signInPages } from './sign-in-pages-fixture.ts'

export const galleryPages: readonly GalleryPage[] = [...signInPages, ...mailboxPages, ...devicePages, ...peoplePages, ...accountPages]
