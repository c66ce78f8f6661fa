/** What an app is set up with, read back by the programs that read it: plist for Apple's profile, OpenSSL for its signature, jsQR for squares. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import jsQR from 'jsqr'
import { parse } from 'plist'
import { describe, expect, test } from 'vitest'
import { type LogEvent, silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { Folder, makePem } from '../../certs/certificate-fixture.ts'
import type { QrPath } from '../views/devices/app-setup.ts'
import { makeProfile } from './apple-profile.ts'
import { makeDeviceSetup } from './device-setup.ts'
import { openProfileSigner } from './profile-signer.ts'
import { qrPathOf } from './qr-path.ts'
import type { SetupSubject } from './setup-subject.ts'
import { makeThunderbirdQr, thunderbirdPayload } from './thunderbird-square.ts'

const TEXT = 'marker-app-password-1234'
const password = Secret.fromText(TEXT)
const imap = { host: 'mail.example.test', port: 993, security: 'tls' } as const
const smtp = { host: 'mail.example.test', port: 587, security: 'starttls' } as const
const subject: SetupSubject = {
  address: 'zoe@xn--bcher-kva.example',
  deviceId: '3f9kq2m8x7t4c1vn',
  deviceName: 'Zoë’s <phone> & "tablet"',
  personName: 'Zoë',
  settings: { userName: 'zoe@xn--bcher-kva.example', imap, smtp },
}
const readOnly: SetupSubject = { ...subject, settings: { userName: subject.address, imap } }
const sendOnly: SetupSubject = { ...subject, settings: { userName: subject.address, smtp } }

type Dictionary = Readonly<Record<string, unknown>>

function accountOf(profile: string | undefined): { readonly root: Dictionary; readonly mail: Dictionary } {
  const root = parse(profile ?? '') as Dictionary
  return { root, mail: (root.PayloadContent as Dictionary[])[0] ?? {} }
}

describe('the Apple profile', () => {
  test('has both servers with the password, as the settings say', () => {
    const { root, mail } = accountOf(makeProfile(subject, password, 'mail.example.test'))
    expect(root).toMatchObject({ PayloadType: 'Configuration', PayloadVersion: 1, PayloadOrganization: 'mail.example.test' })
    expect(root.PayloadDisplayName).toBe(`${subject.address}: ${subject.deviceName}`)
    expect(mail).toMatchObject({
      PayloadType: 'com.apple.mail.managed',
      EmailAccountType: 'EmailTypeIMAP',
      EmailAddress: subject.address,
      EmailAccountName: 'Zoë',
      IncomingMailServerHostName: imap.host,
      IncomingMailServerPortNumber: imap.port,
      IncomingMailServerUseSSL: true,
      IncomingMailServerAuthentication: 'EmailAuthPassword',
      IncomingMailServerUsername: subject.settings.userName,
      IncomingPassword: TEXT,
      OutgoingMailServerHostName: smtp.host,
      OutgoingMailServerPortNumber: smtp.port,
      OutgoingMailServerUseSSL: true,
      OutgoingMailServerAuthentication: 'EmailAuthPassword',
      OutgoingMailServerUsername: subject.settings.userName,
      OutgoingPassword: TEXT,
    })
  })

  test('of a changed password takes the place of the one before; that of another device does not', () => {
    const ids = (one: SetupSubject, secret: Secret) => {
      const { root, mail } = accountOf(makeProfile(one, secret, 'mail.example.test'))
      return [root.PayloadIdentifier, root.PayloadUUID, mail.PayloadIdentifier, mail.PayloadUUID] as string[]
    }
    const first = ids(subject, password)
    expect(ids({ ...subject, deviceName: 'renamed' }, Secret.fromText('another password of it'))).toEqual(first)
    const other = ids({ ...subject, deviceId: '3f9kq2m8x7t4c1vm' }, password)
    expect(new Set([...first, ...other]).size).toBe(8)
    for (const uuid of [first[1], first[3]]) expect(uuid).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/)
  })

  test('of a device that may not send has no password for sending; of one that may not read there is none', () => {
    const { mail } = accountOf(makeProfile(readOnly, password, 'mail.example.test'))
    expect(mail).toMatchObject({ IncomingPassword: TEXT, OutgoingMailServerAuthentication: 'EmailAuthNone', OutgoingPasswordSameAsIncomingPassword: false })
    expect(mail).not.toHaveProperty('OutgoingPassword')
    expect(makeProfile(sendOnly, password, 'mail.example.test')).toBeUndefined()
  })

  test('whatever a name or a password holds comes back as it was', () => {
    const text = fc
      .string({ unit: 'grapheme-composite', maxLength: 40 })
      .filter(one => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/u.test(one) && one === one.trim() && one !== '')
    fc.assert(
      fc.property(text, text, (name, secret) => {
        const { root, mail } = accountOf(makeProfile({ ...subject, deviceName: name }, Secret.fromText(secret), name))
        expect([root.PayloadOrganization, mail.IncomingPassword, mail.OutgoingPassword]).toEqual([name, secret, secret])
      }),
    )
  })

  test('what XML cannot hold is not written, and not told', () => {
    expect(() => makeProfile({ ...subject, deviceName: 'a\u0000b' }, password, 'x')).toThrow(/^a character that XML cannot hold$/)
  })
})

describe('a signed profile', () => {
  test.each([['ECDSA P-256', {}] as const, ['RSA', { rsaBits: 2048 }] as const])('by %s is taken by OpenSSL', async (_, options) => {
    using folder = new Folder()
    const files = folder.write('profile', await makePem({ names: ['profiles.example.test'], ...options }))
    const signer = await openProfileSigner(files, silentLog)
    const setup = makeDeviceSetup({ hostname: () => 'mail.example.test', signer: () => signer })
    expect(setup.profileSignedBy).toBe('profiles.example.test')
    const file = join(folder.path, 'mail.mobileconfig')
    writeFileSync(file, (await setup.appleProfile(subject, password)) ?? '')
    const verify = ['cms', '-verify', '-inform', 'DER', '-in', file, '-CAfile', files.cert, '-purpose', 'any', '-binary']
    const profile = execFileSync('openssl', verify, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    expect(accountOf(profile).mail.OutgoingPassword).toBe(TEXT)
  })

  test('is signed by a renewed certificate without a reload, and by the last good one when the files are bad', async () => {
    using folder = new Folder()
    const files = folder.write('profile', await makePem({ names: ['first.example.test'] }))
    const logged: LogEvent[] = []
    const signer = await openProfileSigner(files, { ...silentLog, error: event => void logged.push(event) })
    folder.write('profile', await makePem({ names: ['second.example.test'] }))
    await signer.sign('a profile')
    expect(signer.name).toBe('second.example.test')
    writeFileSync(files.cert, 'not a certificate')
    expect((await signer.sign('a profile')).length).toBeGreaterThan(0)
    expect([signer.name, ...logged]).toEqual(['second.example.test', 'certificate.failed'])
  })

  test('a key that Apple’s systems do not take is refused when the portal starts', async () => {
    using folder = new Folder()
    const files = { cert: join(folder.path, 'ed.pem'), key: join(folder.path, 'ed.key') }
    const request = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=ed.example.test', '-keyout', files.key, '-out', files.cert]
    execFileSync('openssl', request, { stdio: 'ignore' })
    await expect(openProfileSigner(files, silentLog)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
  })

  test('without a certificate it is the property list itself', async () => {
    const setup = makeDeviceSetup({ hostname: () => 'mail.example.test', signer: () => undefined })
    expect(setup.profileSignedBy).toBeUndefined()
    expect(accountOf(new TextDecoder().decode(await setup.appleProfile(subject, password))).mail.IncomingPassword).toBe(TEXT)
  })
})

/** As a camera sees it: black and white, four points a module. */
function scan({ d, size }: QrPath): string | undefined {
  const scale = 4
  const pixels = new Uint8ClampedArray(size * size * scale * scale * 4).fill(255)
  for (const [, x, y, width] of d.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
      const start = (row * size * scale + Number(x) * scale) * 4
      for (let at = start; at < start + Number(width) * scale * 4; at += 4) pixels.fill(0, at, at + 3)
    }
  }
  const code = jsQR.default(pixels, size * scale, size * scale)
  return code === null ? undefined : Buffer.from(code.binaryData).toString('utf8')
}

describe('squares', () => {
  test('Thunderbird’s holds the account with the password, as its format says', () => {
    const square = makeThunderbirdQr(subject, password)
    const text = square === undefined ? undefined : scan(square)
    expect(text).toBe(thunderbirdPayload(subject, password))
    const { address } = subject
    expect(JSON.parse(text ?? '')).toEqual([
      1,
      [1, 1],
      [0, imap.host, 993, 3, 1, address, null, TEXT],
      [
        [
          [0, smtp.host, 587, 2, 1, address, TEXT],
          [address, 'Zoë'],
        ],
      ],
    ])
    expect((square?.size ?? 99) - 8).toBeLessThanOrEqual(57)
  })

  test('there is none for an address that its format cannot hold, nor for a device that does not read', () => {
    const local = 'zoë@example.test'
    expect(makeThunderbirdQr({ ...subject, address: local, settings: { ...subject.settings, userName: local } }, password)).toBeUndefined()
    expect(makeThunderbirdQr(sendOnly, password)).toBeUndefined()
  })

  test('a device that may not send has no password for sending in it', () => {
    const [, , incoming, [[outgoing]]] = JSON.parse(thunderbirdPayload(readOnly, password) ?? '')
    expect(incoming.at(-1)).toBe(TEXT)
    expect(outgoing).toEqual([0, imap.host, 993, 3, 0, subject.address])
  })

  test('a link comes back as it was', () => {
    const url = `https://devices.example.test/i/${'x'.repeat(43)}`
    expect(scan(qrPathOf(url))).toBe(url)
  })
})
