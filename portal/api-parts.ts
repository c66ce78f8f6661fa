/** The HTTP API over what the portal has: its store, its limiter, its links, and what it sets up apps with. */
import { makeApi } from '../api/api.ts'
import type { Api, SetupSubject as ApiSubject } from '../api/api-services.ts'
import { links } from './links.ts'
import { subjectOf } from './pages/devices/set-up.ts'
import type { QrPath } from './views/devices/app-setup.ts'
import type { PortalServices } from './web/portal-services.ts'

export function apiOf(services: PortalServices): Api {
  const { url, log, store, config, signIn, setup, around } = services
  const subjectFor = ({ device }: ApiSubject) => subjectOf({ services }, device, null)
  return makeApi({
    url,
    log,
    store,
    config,
    now: signIn.now,
    limiter: signIn.limiter,
    links: {
      invitation: token => new URL(links.invitationOpen(token), url).href,
      welcome: token => new URL(links.welcome(token), url).href,
    },
    setup: {
      profile: async subject => setup.appleProfile?.(subjectFor(subject), subject.password),
      qr: async subject => {
        const square = setup.thunderbirdSquare?.(subjectFor(subject), subject.password)
        return square === undefined ? undefined : svgOf(square)
      },
    },
    ...(around !== undefined && { around }),
  })
}

/** Black on white, whatever the page behind it: a camera wants the contrast. */
function svgOf({ d, size }: QrPath): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${d}"/></svg>`
}
