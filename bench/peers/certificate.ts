/** The certificate that all peers of a run show: P-256, self-signed, for localhost. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Workbench } from '../workbench.ts'
import type { Certificate } from './peer.ts'

export function makeCertificate(bench: Workbench): Certificate {
  const [certFile, keyFile] = [bench.path('cert.pem'), bench.path('key.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile, '-out', certFile, '-days', '2', ...names],
    { stdio: 'ignore' },
  )
  return { certFile, keyFile, pem: readFileSync(certFile, 'utf8') }
}
