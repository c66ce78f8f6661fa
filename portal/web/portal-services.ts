/** What the pages of the portal work with; made once, by whoever starts it. */
import type { Log } from '../../base/log.ts'
import type { Config } from '../../config/config.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { OpenedStore } from '../../store/open-store.ts'
import type { AssetTable } from '../asset-table.ts'
import type { PortalCounts } from '../portal-counts.ts'
import type { DeviceSetup } from '../setup/device-setup.ts'
import type { SignInServices } from '../sign-in/sign-in-services.ts'

export interface PortalServices {
  /** The origin that people type. */
  readonly url: string
  readonly log: Log
  readonly store: OpenedStore
  /** As it is in force now. */
  readonly config: () => Config
  readonly signIn: SignInServices
  readonly assets: AssetTable
  readonly setup: DeviceSetup
  readonly counts: PortalCounts
  /** For tests: what stands around every change. */
  readonly around?: UseCaseContext['around']
}
