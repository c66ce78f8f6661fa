/**
 * Which upstream serves a mailbox, and how we log in there.
 */
import type { UpstreamConfig } from '../base/config.ts'
import type { GatewayStore } from '../store/gateway-store.ts'
import type { LoginMailbox } from '../store/login-record.ts'
import type { Route } from './login.ts'
import { UpstreamFailure } from './upstream-failure.ts'
import { openUpstreamLogin } from './upstream-login.ts'

/** Reads the master secrets. Throws KEY_UNREADABLE, KEY_EXPOSED. The function it gives throws UpstreamFailure. */
export function openRoutes(upstreams: readonly UpstreamConfig[]): (mailbox: LoginMailbox, store: GatewayStore) => Route {
  const routes = new Map(upstreams.map(config => [config.name, { config, makeLogin: openUpstreamLogin(config) }]))
  return (mailbox, store) => {
    const route = routes.get(mailbox.upstream)
    if (route === undefined)
      throw new UpstreamFailure('not-configured', `the mailbox is at upstream ${mailbox.upstream}, which the configuration does not have`)
    return { config: route.config, login: route.makeLogin(mailbox, store) }
  }
}
