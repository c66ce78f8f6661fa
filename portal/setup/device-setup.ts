/**
 * What sets up an app: the settings of one device as squares, as an Apple profile, as a table. What cannot be made is undefined, and its panel shows the
 * settings to type instead.
 */
import type { Secret } from '../../base/secret.ts'
import type { QrPath } from '../views/devices/app-setup.ts'
import { makeProfile } from './apple-profile.ts'
import type { ProfileSigner } from './profile-signer.ts'
import { qrPathOf } from './qr-path.ts'
import type { SetupSubject } from './setup-subject.ts'
import { makeThunderbirdQr } from './thunderbird-square.ts'

export interface DeviceSetup {
  /** The name in the certificate of the profile; undefined: not signed. */
  readonly profileSignedBy: string | undefined
  /** A link as a square. */
  squareOf(url: string): QrPath
  /** Thunderbird's square for Android. */
  thunderbirdSquare(subject: SetupSubject, password: Secret): QrPath | undefined
  /** `application/x-apple-aspen-config`. */
  appleProfile(subject: SetupSubject, password: Secret): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** `signer` undefined: profiles are not signed. */
export function makeDeviceSetup({ hostname, signer }: { hostname(): string; signer(): ProfileSigner | undefined }): DeviceSetup {
  return {
    get profileSignedBy() {
      return signer()?.name
    },
    squareOf: qrPathOf,
    thunderbirdSquare: makeThunderbirdQr,
    async appleProfile(subject, password) {
      const profile = makeProfile(subject, password, hostname())
      if (profile === undefined) return undefined
      return signer()?.sign(profile) ?? new TextEncoder().encode(profile)
    },
  }
}
