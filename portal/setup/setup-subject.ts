/** A device whose app is to be set up, as all that is made for it needs it. */
import type { AppSettings } from '../views/devices/app-setup.ts'

export interface SetupSubject {
  readonly address: string
  readonly deviceId: string
  readonly deviceName: string
  /** Shown as the sender; null: nobody's. */
  readonly personName: string | null
  readonly settings: AppSettings
}
