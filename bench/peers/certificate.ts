/** The certificate that all peers of a run show: P-256, self-signed, for localhost. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workbench } from '../workbench.ts'
import type { Certificate } from './peer.ts'

export function makeCertificate(bench: Workbench): Certificate {
  // In a folder of its own: who watches it for new certificates must not be told of every line of a log.
  const folder = bench.folder('certificate')
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile, '-out', certFile, '-days', '2', ...names],
    { stdio: 'ignore' },
  )
  return { certFile, keyFile, pem: readFileSync(certFile, 'utf8') }
}
