/** What the API works with, made once by whoever serves it, and what a handler knows of its request. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Log } from '../base/log.ts'
import type { Secret } from '../base/secret.ts'
import type { Config } from '../config/config.ts'
import type { RequestFacts } from '../http/http-server.ts'
import type { ApiToken } from '../management/actor.ts'
import type { AppSettings } from '../management/mailboxes/app-settings.ts'
import type { UseCaseContext } from '../management/use-case.ts'
import type { Device } from '../store/accounts/devices/device-rows.ts'
import type { OpenedStore } from '../store/open-store.ts'

/** A device whose app is to be set up. */
export interface SetupSubject {
  readonly device: Device
  readonly settings: readonly AppSettings[]
  readonly password: Secret
}

/** Made by whoever serves the API: what cannot be made is undefined. */
export interface DeviceSetup {
  /** Of the bytes of an Apple profile. */
  profile?: ((subject: SetupSubject) => Promise<Uint8Array<ArrayBuffer> | undefined>) | undefined
  /** Thunderbird's square for Android, as SVG; undefined also where its format cannot hold the address. */
  qr?: ((subject: SetupSubject) => Promise<string | undefined>) | undefined
}

export interface ApiServices {
  /** The origin that people type. */
  readonly url: string
  readonly log: Log
  readonly store: OpenedStore
  /** As it is in force now. */
  readonly config: () => Config
  readonly now: () => number
  readonly setup: DeviceSetup
  /** Where the links of invitations and new starts lead, by their token. */
  readonly links: { invitation(token: string): string; welcome(token: string): string }
  /** For tests: what stands around every change. */
  readonly around?: UseCaseContext['around']
}

export interface ApiEnv {
  readonly Bindings: RequestFacts
  readonly Variables: {
    readonly actor: ApiToken
    /** ID of the token. */
    readonly token: string
    readonly useCases: UseCaseContext
    readonly services: ApiServices
  }
}

export type Api = OpenAPIHono<ApiEnv>
