import { X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import type { CertificateFiles } from '../config/config.ts'
import { Folder, makePem, openRecordingLog, type Pem } from './certificate-fixture.ts'
import { type Certificates, type CertificatesOptions, openCertificates } from './certificates.ts'
import { startServer, visit } from './tls-visit-fixture.ts'

let first: Pem
let renewed: Pem
let folder: Folder
let certificates: Certificates | undefined

beforeAll(async () => {
  first = await makePem({ names: ['mail.example.com'] })
  renewed = await makePem({ names: ['mail.example.com'] })
})

beforeEach(() => {
  folder = new Folder()
})

afterEach(() => {
  certificates?.close()
  folder[Symbol.dispose]()
})

async function open(files: readonly CertificateFiles[], options: Partial<CertificatesOptions> = {}): Promise<Certificates> {
  certificates = await openCertificates({ files, log: silentLog, settleMs: 5, pollMs: 3_600_000, ...options })
  return certificates
}

describe('RSA and ECDSA for one name', () => {
  const names = ['mail.example.com']
  const rsaOnly = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const
  const ecdsaOnly = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const

  test.each(['rsa first', 'ecdsa first'])('%s: each client gets the one that it can verify, with and without a server name', async order => {
    const both = [folder.write('rsa', await makePem({ names, rsaBits: 2048 })), folder.write('first', first)]
    const { log, lines } = openRecordingLog()
    const port = await startServer(await open(order === 'rsa first' ? both : both.toReversed(), { log }))
    for (const name of [{}, { servername: 'mail.example.com' }]) {
      expect(await visit(port, { ...rsaOnly, ...name })).toMatchObject({ keyType: 'rsa' })
      expect(await visit(port, { ...ecdsaOnly, ...name })).toMatchObject({ keyType: 'ec' })
      expect(await visit(port, { sigalgs: 'RSA-PSS+SHA256', ...name })).toMatchObject({ protocol: 'TLSv1.3', keyType: 'rsa' })
    }
    expect(lines.filter(({ fields }) => 'warning' in fields)).toEqual([])
  })

  test('one that no client ever gets is a warning at start', async () => {
    const { log, lines } = openRecordingLog()
    await open(
      [
        folder.write('first', first),
        folder.write('second', renewed),
        folder.write('wild', await makePem({ names: ['*.example.org'] })),
        folder.write('exact', await makePem({ names: ['imap.example.org'] })),
      ],
      { log },
    )
    expect(lines.flatMap(({ fields: { warning } }) => warning ?? [])).toEqual([
      `${folder.path}/second.pem is used for nobody: ${folder.path}/first.pem stands before it with the same kind of key and is for its names too`,
    ])
  })

  test('one that is renewed takes the place of its kind only', async () => {
    const opened = await open([folder.write('rsa', await makePem({ names, rsaBits: 2048 })), folder.write('first', first)])
    const port = await startServer(opened)
    const before = await visit(port, rsaOnly)
    folder.write('first', renewed)
    await opened.reload()
    expect(await visit(port, ecdsaOnly)).toMatchObject({ keyType: 'ec', fingerprint: new X509Certificate(renewed.cert).fingerprint256 })
    expect(await visit(port, rsaOnly)).toMatchObject({ fingerprint: before.fingerprint })
  })
})
