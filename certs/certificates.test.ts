import { once } from 'node:events'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type SecureVersion, TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLog } from '../base/log.ts'
import type { CertificateFiles } from '../config/config.ts'
import { Folder, makePem, openRecordingLog, type Pem } from './certificate-fixture.ts'
import { type Certificates, type CertificatesOptions, openCertificates } from './certificates.ts'
import { startServer, visit, visitByStarttls } from './tls-visit-fixture.ts'

let first: Pem
let renewed: Pem
let wild: Pem
let exact: Pem
let folder: Folder
let certificates: Certificates | undefined

beforeAll(async () => {
  first = await makePem({ names: ['mail.example.com'] })
  renewed = await makePem({ names: ['mail.example.com'] })
  wild = await makePem({ names: ['*.example.org'] })
  exact = await makePem({ names: ['imap.example.org'] })
})

beforeEach(() => {
  folder = new Folder()
})

afterEach(() => {
  certificates?.close()
  folder[Symbol.dispose]()
})

async function open(files: readonly CertificateFiles[], options: Partial<CertificatesOptions> = {}): Promise<Certificates> {
  // Quick, so that no test waits; the safety net is off unless a test asks for it.
  certificates = await openCertificates({ files, log: silentLog, settleMs: 5, pollMs: 3_600_000, ...options })
  return certificates
}

describe('the certificate is chosen by the name that the app asks for', () => {
  test.each([
    [undefined, 'CN=mail.example.com'],
    ['mail.example.com', 'CN=mail.example.com'],
    ['unknown.example.net', 'CN=mail.example.com'],
    ['imap.example.org', 'CN=imap.example.org'],
    ['IMAP.Example.ORG', 'CN=imap.example.org'],
    ['smtp.example.org', 'CN=*.example.org'],
    ['a.smtp.example.org', 'CN=mail.example.com'],
    ['example.org', 'CN=mail.example.com'],
  ])('%s gets %s', async (servername, subject) => {
    const port = await startServer(await open([folder.write('first', first), folder.write('wild', wild), folder.write('exact', exact)]))
    const options = servername === undefined ? {} : { servername }
    expect((await visit(port, options)).subject).toBe(subject)
  })

  test('a final dot does not matter', async () => {
    const opened = await open([folder.write('first', first), folder.write('exact', exact)])
    expect(opened.contextFor('imap.example.org.', '1.2')).toBe(opened.contextFor('imap.example.org', '1.2'))
    expect(opened.contextFor('imap.example.org', '1.2')).not.toBe(opened.contextFor(undefined, '1.2'))
  })
})

describe('versions of TLS', () => {
  const limited = (version: SecureVersion): ConnectionOptions => ({ minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' })

  test('1.2 with forward secrecy, and 1.3', async () => {
    const port = await startServer(await open([folder.write('first', first)]))
    expect(await visit(port, limited('TLSv1.2'))).toMatchObject({ protocol: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
    expect(await visit(port)).toMatchObject({ protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' })
  })

  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async version => {
    const port = await startServer(await open([folder.write('first', first)]))
    await expect(visit(port, limited(version))).rejects.toThrow(/alert protocol version/)
  })

  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is taken where the listener asks for it', async version => {
    const port = await startServer(await open([folder.write('first', first)]), '1.0')
    expect(await visit(port, limited(version))).toMatchObject({ protocol: version })
    expect(await visit(port)).toMatchObject({ protocol: 'TLSv1.3' })
  })

  test('1.2 is refused by a listener for 1.3 only', async () => {
    const port = await startServer(await open([folder.write('first', first)]), '1.3')
    await expect(visit(port, limited('TLSv1.2'))).rejects.toThrow(/alert protocol version/)
  })

  test('suites without forward secrecy are refused', async () => {
    const port = await startServer(await open([folder.write('rsa', await makePem({ names: ['rsa.example'], rsaBits: 2048 }))]))
    await expect(visit(port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA' })).rejects.toThrow(/handshake failure/)
    await expect(visit(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA' })).rejects.toThrow(/handshake failure/)
  })
})

describe('what old devices speak', () => {
  test.each(['AES128-SHA', 'AES128-SHA256', 'AES256-SHA256', 'AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'ECDHE-RSA-AES128-SHA256', 'ECDHE-RSA-AES256-SHA384'])(
    'TLS 1.2 with %s: taken where the listener asks for old versions, refused elsewhere',
    async ciphers => {
      const opened = await open([folder.write('rsa', await makePem({ names: ['rsa.example'], rsaBits: 2048 }))])
      const options = { maxVersion: 'TLSv1.2', ciphers } as const
      expect(await visit(await startServer(opened, '1.0'), options)).toMatchObject({ protocol: 'TLSv1.2', cipher: ciphers })
      await expect(visit(await startServer(opened), options)).rejects.toThrow(/handshake failure/)
    },
  )
})

describe('sessions are resumed across a reload', () => {
  test.each([
    ['TLSv1.2', 'implicit'],
    ['TLSv1.3', 'implicit'],
    ['TLSv1.2', 'starttls'],
    ['TLSv1.3', 'starttls'],
  ] as const)('%s, %s', async (version, security) => {
    const opened = await open([folder.write('first', first)])
    const port = await startServer(opened, '1.2', security)
    const go = (options: ConnectionOptions) =>
      (security === 'implicit' ? visit : visitByStarttls)(port, { minVersion: version, maxVersion: version, ...options })

    const before = await go({})
    expect(before).toMatchObject({ isReused: false, session: expect.any(Buffer) })
    expect(await go({ session: before.session! })).toMatchObject({ isReused: true })

    const context = opened.contextFor(undefined, '1.2')
    folder.write('first', renewed)
    await opened.reload()
    expect(opened.contextFor(undefined, '1.2')).not.toBe(context)
    expect(await go({ session: before.session! })).toMatchObject({ isReused: true })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a ticket that was stolen with its key is good for half a day; then new ones are given', async version => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const port = await startServer(await open([folder.write('first', first)]))
      const only = { minVersion: version, maxVersion: version }
      const { session } = await visit(port, only)
      expect(await visit(port, { ...only, session: session! })).toMatchObject({ isReused: true })
      vi.advanceTimersByTime(43_200_000)
      const later = await visit(port, { ...only, session: session! })
      expect(later.isReused).toBe(false)
      expect(await visit(port, { ...only, session: later.session! })).toMatchObject({ isReused: true })
    } finally {
      vi.useRealTimers()
    }
  })

  test('and in another process that was given the same keys', async () => {
    const ticketKeys = Buffer.alloc(48, 7)
    const files = [folder.write('first', first)]
    const one = await openCertificates({ files, log: silentLog, ticketKeys })
    const other = await openCertificates({ files, log: silentLog, ticketKeys })
    const { session } = await visit(await startServer(one))
    expect(await visit(await startServer(other), { session: session! })).toMatchObject({ isReused: true })
    one.close()
    other.close()
  })
})

describe('files that change', () => {
  const fingerprints = (opened: Certificates) => opened.list().map(facts => facts.fingerprint256)

  test('a renewed pair is taken by itself, for new connections', async () => {
    const { log, waitFor } = openRecordingLog()
    const opened = await open([folder.write('first', first)], { log })
    const [old] = fingerprints(opened)
    const loaded = waitFor('certificate.loaded')
    folder.write('first', renewed)
    expect(await loaded).toMatchObject({ subject: 'CN=mail.example.com', names: ['mail.example.com'], daysLeft: 89 })
    expect(fingerprints(opened)).not.toEqual([old])
  })

  test('certbot: links to files elsewhere are exchanged', async () => {
    const { log, waitFor } = openRecordingLog()
    const archive = { 1: folder.write('archive1', first), 2: folder.write('archive2', renewed) }
    using live = new Folder()
    const files = { cert: join(live.path, 'fullchain.pem'), key: join(live.path, 'privkey.pem') }
    symlinkSync(archive[1].cert, files.cert)
    symlinkSync(archive[1].key, files.key)
    const opened = await open([files], { log })
    const [old] = fingerprints(opened)

    const loaded = waitFor('certificate.loaded')
    for (const part of ['cert', 'key'] as const) {
      symlinkSync(archive[2][part], `${files[part]}.new`)
      renameSync(`${files[part]}.new`, files[part])
    }
    await loaded
    expect(fingerprints(opened)).not.toEqual([old])
  })

  test('Kubernetes: the folder behind a link is exchanged, which only the slow look sees', async () => {
    const { log, waitFor } = openRecordingLog()
    const link = join(folder.path, 'current')
    using before = new Folder()
    using after = new Folder()
    before.write('tls', first)
    after.write('tls', renewed)
    symlinkSync(before.path, link)
    const opened = await open([{ cert: join(link, 'tls.pem'), key: join(link, 'tls.key') }], { log, pollMs: 10 })
    const [old] = fingerprints(opened)
    const loaded = waitFor('certificate.loaded')
    rmSync(link)
    symlinkSync(after.path, link)
    await loaded
    expect(fingerprints(opened)).not.toEqual([old])
  })

  test('a new certificate with the old key is not taken until its key is there', async () => {
    const { log, waitFor } = openRecordingLog()
    const files = folder.write('first', first)
    const opened = await open([files], { log })
    const [old] = fingerprints(opened)
    const failed = waitFor('certificate.failed')
    writeFileSync(files.cert, renewed.cert)
    expect(await failed).toMatchObject({ code: 'CERTIFICATE_INVALID', reason: `${files.key} is not the key of the certificate ${files.cert}.`, inUse: old })
    expect(fingerprints(opened)).toEqual([old])

    const loaded = waitFor('certificate.loaded')
    writeFileSync(files.key, renewed.key)
    await loaded
    expect(fingerprints(opened)).not.toEqual([old])
  })

  test('on demand: files that are gone or bad leave the old ones in use, and another pair is renewed all the same', async () => {
    const { log, lines } = openRecordingLog()
    const bad = folder.write('bad', exact)
    const opened = await open([folder.write('first', first), bad], { log, settleMs: 3_600_000 })
    const [oldFirst, oldBad] = fingerprints(opened)
    rmSync(bad.key)
    folder.write('first', renewed)
    await opened.reload()
    expect(fingerprints(opened)[1]).toBe(oldBad)
    expect(fingerprints(opened)[0]).not.toBe(oldFirst)
    expect(lines.filter(({ event }) => event === 'certificate.failed')).toMatchObject([{ fields: { reason: `${bad.key} does not exist.` } }])
    expect(await visit(await startServer(opened), { servername: 'imap.example.org' })).toMatchObject({ subject: 'CN=imap.example.org' })
  })

  test('on demand without a change nothing is logged', async () => {
    const { log, lines } = openRecordingLog()
    const opened = await open([folder.write('first', first)], { log, settleMs: 3_600_000 })
    const before = lines.length
    await opened.reload()
    expect(lines).toHaveLength(before)
  })

  test('a connection that exists goes on', async () => {
    const opened = await open([folder.write('first', first)])
    const server = createServer(socket => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext: opened.contextFor(undefined, '1.2') })
      secure.on('error', () => {})
      secure.pipe(secure)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(client, 'secureConnect')
    folder.write('first', renewed)
    await opened.reload()
    client.write('still here')
    const [echo] = await once(client, 'data')
    expect(String(echo)).toBe('still here')
    client.destroy()
    server.close()
  })
})

describe('at the start', () => {
  test('every pair that cannot be used is named', async () => {
    const mismatch = folder.write('mismatch', { cert: first.cert, key: exact.key })
    const absent = { cert: join(folder.path, 'absent.pem'), key: join(folder.path, 'absent.key') }
    const error = await openCertificates({ files: [folder.write('first', first), mismatch, absent], log: silentLog }).catch(error => error)
    expect(error).toMatchObject({ code: 'CERTIFICATE_INVALID', message: expect.stringContaining('mismatch.key is not the key') })
    expect(error.message).toContain('absent.pem does not exist')
  })

  test('one that is about to expire is logged, and counts for daysLeft', async () => {
    const { log, lines } = openRecordingLog()
    const soon = await makePem({ names: ['soon.example'], notAfter: new Date(Date.now() + 5.5 * 86_400_000) })
    const opened = await open([folder.write('first', first), folder.write('soon', soon)], { log })
    expect(opened.daysLeft()).toBe(5)
    expect(lines.filter(({ event }) => event === 'certificate.expires')).toMatchObject([{ fields: { names: ['soon.example'], daysLeft: 5 } }])
  })
})

describe('another configuration', () => {
  test('takes the place of the old one as a whole, and its files are watched from then on', async () => {
    const files = folder.write('first', first)
    const { log, waitFor, lines } = openRecordingLog()
    const opened = await open([files], { log })
    const others = folder.write('wild', wild)
    const use = await opened.prepare([files, others])
    expect(opened.list()).toHaveLength(1)
    const before = opened.contextFor('mail.example.com', '1.2')
    use()
    expect(opened.list().map(({ cert }) => cert)).toEqual([files.cert, others.cert])
    // What is the same goes on as it is, without a word.
    expect(opened.contextFor('mail.example.com', '1.2')).toBe(before)
    expect(opened.contextFor('a.example.org', '1.2')).not.toBe(before)
    expect(lines.filter(({ event }) => event === 'certificate.loaded').map(({ fields }) => fields['cert'])).toEqual([files.cert, others.cert])
    const loaded = waitFor('certificate.loaded')
    folder.write('wild', exact)
    expect(await loaded).toMatchObject({ cert: others.cert, names: ['imap.example.org'] })
  })

  test('one bad pair, and all is as it was', async () => {
    const files = folder.write('first', first)
    const opened = await open([files])
    const mismatch = folder.write('mismatch', { cert: wild.cert, key: exact.key })
    const absent = { cert: `${folder.path}/absent.pem`, key: `${folder.path}/absent.key` }
    await expect(opened.prepare([folder.write('exact', exact), mismatch, absent])).rejects.toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_INVALID', message: expect.stringMatching(/mismatch\.key is not the key.*\n.*absent\.pem/) }),
    )
    expect(opened.list().map(({ cert }) => cert)).toEqual([files.cert])
  })
})
