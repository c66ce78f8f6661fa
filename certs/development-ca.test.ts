import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import { inspectCertificates } from './certificate-files.ts'
import { Folder } from './certificate-fixture.ts'
import { type Certificates, openCertificates } from './certificates.ts'
import { type DevelopmentCertificateFiles, writeDevelopmentCertificate } from './development-ca.ts'

const run = promisify(execFile)

let folder: Folder
let files: DevelopmentCertificateFiles
let certificates: Certificates
let port: number
const server = createServer(socket => {
  const secure = new TLSSocket(socket, { isServer: true, secureContext: certificates.contextFor(undefined, '1.2') })
  secure.on('error', () => {})
  // As much IMAP as curl needs to log out.
  secure.write('* OK ready\r\n')
  secure.on('data', data => {
    const [tag, verb] = String(data).trimEnd().split(' ')
    if (verb === 'LOGOUT') secure.end(`${tag} OK\r\n`)
    else secure.write(`${tag} OK\r\n`)
  })
})

beforeAll(async () => {
  folder = new Folder()
  files = await writeDevelopmentCertificate({ directory: join(folder.path, 'certs'), hostNames: ['mail.example.com', '192.0.2.7'] })
  certificates = await openCertificates({ files: [files], log: silentLog })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as { port: number }).port
})

afterAll(() => {
  server.close()
  certificates.close()
  folder[Symbol.dispose]()
})

test('is for the names asked for and the machine itself', async () => {
  const [report] = await inspectCertificates([files])
  expect(report?.problem).toBeUndefined()
  expect(report?.facts).toMatchObject({ names: ['mail.example.com', '192.0.2.7', 'localhost', '127.0.0.1', '::1'], daysLeft: 396, warnings: [] })
})

test('the key is for its owner only, and the key of the authority is nowhere', () => {
  expect(statSync(files.key).mode & 0o777).toBe(0o600)
  expect(statSync(files.cert).mode & 0o777).toBe(0o644)
  expect(statSync(files.ca).mode & 0o777).toBe(0o644)
  const written = readdirSync(join(folder.path, 'certs')).map(name => readFileSync(join(folder.path, 'certs', name), 'utf8'))
  expect(written.filter(text => text.includes('PRIVATE KEY'))).toHaveLength(1)
})

test('never overwrites, and writes nothing beside a file that is there', async () => {
  using other = new Folder()
  writeFileSync(join(other.path, 'privkey.pem'), 'precious')
  const attempt = writeDevelopmentCertificate({ directory: other.path, hostNames: [] })
  await expect(attempt).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  expect(readFileSync(join(other.path, 'privkey.pem'), 'utf8')).toBe('precious')
  expect(existsSync(join(other.path, 'ca.pem'))).toBe(false)
})

describe('is accepted by', () => {
  test('openssl verify, strictly', async () => {
    const common = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', files.ca]
    await run('openssl', [...common, '-verify_hostname', 'mail.example.com', files.cert])
    await run('openssl', [...common, '-verify_ip', '::1', files.cert])
    await expect(run('openssl', [...common, '-verify_hostname', 'other.example.com', files.cert])).rejects.toThrow(/hostname mismatch/)
  })

  test('openssl s_client', async () => {
    const client = run('openssl', [
      's_client',
      '-quiet',
      '-verify_return_error',
      '-CAfile',
      files.ca,
      '-verify_hostname',
      'localhost',
      '-connect',
      `127.0.0.1:${port}`,
    ])
    client.child.stdin?.write('a LOGOUT\r\n')
    const { stdout } = await client
    expect(stdout).toBe('* OK ready\r\na OK\r\n')
  })

  test('curl --cacert', async () => {
    await run('curl', ['--silent', '--show-error', '--cacert', files.ca, '--request', 'NOOP', `imaps://localhost:${port}/`])
    await expect(run('curl', ['--silent', '--show-error', '--request', 'NOOP', `imaps://localhost:${port}/`])).rejects.toThrow(/certificate/)
  })

  test('Python with VERIFY_X509_STRICT', async () => {
    const program = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
for name in ("localhost", "127.0.0.1", "mail.example.com"):
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        print(secure.version())
`
    const { stdout } = await run('python3', ['-c', program, files.ca, String(port)])
    expect(stdout).toBe('TLSv1.3\nTLSv1.3\nTLSv1.3\n')
  })
})
