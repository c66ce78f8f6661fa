/**
 * Which upstream serves a mailbox, and how we log in there.
 */

import type { Secret } from '../base/secret.ts'
import type { UpstreamConfig } from '../config/config.ts'
import type { GatewayStore } from '../store/gateway-side/gateway-store.ts'
import type { LoginMailbox } from '../store/schema/login-record.ts'
import { UpstreamFailure } from './upstream-failure.ts'
import { makeMigrationLogin, openUpstreamLogin, type UpstreamLogin } from './upstream-login.ts'

/** Where a mailbox's mail lives and how we get in. */
export interface Route {
  readonly config: UpstreamConfig
  readonly login: UpstreamLogin
}

export interface Routes {
  /** By our credentials. Throws UpstreamFailure. */
  of(mailbox: LoginMailbox, store: GatewayStore): Route
  /** By what may be the mailbox's own password. Throws UpstreamFailure. */
  migrationRouteOf(mailbox: LoginMailbox, secret: Secret): Route
}

/** Reads the master secrets. Throws KEY_UNREADABLE, KEY_EXPOSED. */
export function openRoutes(upstreams: readonly UpstreamConfig[]): Routes {
  const routes = new Map(upstreams.map(config => [config.name, { config, makeLogin: openUpstreamLogin(config) }]))
  const find = ({ upstream }: LoginMailbox) => {
    const route = routes.get(upstream)
    if (route === undefined) throw new UpstreamFailure('not-configured', `the mailbox is at upstream ${upstream}, which the configuration does not have`)
    return route
  }
  return {
    of(mailbox, store) {
      const { config, makeLogin } = find(mailbox)
      return { config, login: makeLogin(mailbox, store) }
    },
    migrationRouteOf(mailbox, secret) {
      const { config } = find(mailbox)
      return { config, login: makeMigrationLogin(config, mailbox, secret) }
    },
  }
}
