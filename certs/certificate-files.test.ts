import { createPrivateKey } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CertificateFiles } from '../config/config.ts'
import { inspectCertificates } from './certificate-files.ts'
import { Folder, makePem, type Pem } from './certificate-fixture.ts'

let folder: Folder
let good: Pem
let other: Pem

beforeAll(async () => {
  folder = new Folder()
  good = await makePem({ names: ['mail.example.com', '*.example.com'] })
  other = await makePem({ names: ['other.example.com'] })
})

afterAll(() => folder[Symbol.dispose]())

async function inspect(files: CertificateFiles) {
  const [report] = await inspectCertificates([files])
  if (report === undefined) throw new Error('no report')
  return report
}

test('a pair that fits is described', async () => {
  const { facts, problem } = await inspect(folder.write('good', good))
  expect(problem).toBeUndefined()
  expect(facts).toMatchObject({ subject: 'CN=mail.example.com', names: ['mail.example.com', '*.example.com'], daysLeft: 89, warnings: [] })
  expect(facts?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
})

describe('what cannot be used names its file and says why', () => {
  test('missing', async () => {
    const { problem } = await inspect({ cert: '/nowhere/fullchain.pem', key: '/nowhere/privkey.pem' })
    expect(problem).toBe('/nowhere/fullchain.pem does not exist.')
  })

  test('a directory', async () => {
    const { problem } = await inspect({ cert: folder.path, key: folder.path })
    expect(problem).toBe(`${folder.path} cannot be read: EISDIR.`)
  })

  test('not PEM', async () => {
    const files = folder.write('not-pem', { cert: 'hello', key: good.key })
    expect((await inspect(files)).problem).toBe(`${files.cert} is not PEM: there is no "-----BEGIN CERTIFICATE-----" in it.`)
  })

  test('PEM around something else', async () => {
    const files = folder.write('damaged', { cert: good.cert.replace(/\nMII/, '\nAAAA'), key: good.key })
    expect((await inspect(files)).problem).toBe(`${files.cert} holds a certificate that cannot be parsed.`)
  })

  test('certificate and key exchanged', async () => {
    const files = folder.write('exchanged', { cert: good.key, key: good.cert })
    expect((await inspect(files)).problem).toBe(`${files.cert} holds a private key and no certificate; are cert and key exchanged?`)
    const twice = folder.write('twice', { cert: good.cert, key: good.cert })
    expect((await inspect(twice)).problem).toContain(`${twice.key} is not a private key in PEM`)
  })

  test('the key of another certificate', async () => {
    const files = folder.write('mismatch', { cert: good.cert, key: other.key })
    expect((await inspect(files)).problem).toBe(`${files.key} is not the key of the certificate ${files.cert}.`)
  })

  test('a key with a passphrase', async () => {
    const key = createPrivateKey(good.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString()
    const files = folder.write('passphrase', { cert: good.cert, key })
    expect((await inspect(files)).problem).toContain(`${files.key} needs a passphrase`)
  })

  test('a key that OpenSSL finds too short', async () => {
    const files = folder.write('short', await makePem({ names: ['a.example'], rsaBits: 1024 }))
    expect((await inspect(files)).problem).toMatch(/short\.pem or .*short\.key is refused by OpenSSL: .*key too small/)
  })
})

describe('what some clients mind is a warning', () => {
  test('expired', async () => {
    const files = folder.write('expired', await makePem({ names: ['a.example'], notAfter: new Date('2021-02-03T00:00:00Z') }))
    const { facts } = await inspect(files)
    expect(facts?.daysLeft).toBeLessThan(-1000)
    expect(facts?.warnings).toEqual([`${files.cert} expired on 2021-02-03`])
  })

  test('a key that everybody can read', async () => {
    const files = folder.write('open', good)
    chmodSync(files.key, 0o644)
    expect((await inspect(files)).facts?.warnings).toEqual([`${files.key} can be read by every user of this machine: run chmod o-rwx on it`])
    chmodSync(files.key, 0o640)
    expect((await inspect(files)).facts?.warnings).toEqual([])
  })

  test('no subject alternative names', async () => {
    const { facts } = await inspect(folder.write('nameless', await makePem({ names: [] })))
    expect(facts?.names).toEqual(['no name'])
    expect(facts?.warnings).toHaveLength(1)
  })

  test('a chain in disorder', async () => {
    const files = folder.write('disorder', good)
    writeFileSync(files.cert, `${good.cert}\n${other.cert}\n`)
    expect((await inspect(files)).facts?.warnings).toEqual([expect.stringContaining('has its chain in another order')])
  })
})
