/**
 * Dovecot as a login proxy: an instance of its own whose passdb checks the secret and names the upstream (`proxy`).
 * One long-running imap-login process, as Dovecot's manual advises for speed; its auth process counts too.
 */
import { execFileSync } from 'node:child_process'
import type { Workbench } from '../workbench.ts'
import { BENCH_USER, type Certificate, type PeerKind, UPSTREAM_SECRET, type Upstream } from './peer.ts'

const SECRET = 'dovecot-device-secret'

export function dovecotProxy(bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  return {
    name: 'Dovecot proxy',
    // One login process and its descriptors; its manual advises several for more.
    mostSessions: 2_000,
    async start() {
      const port = await bench.freePort()
      const name = `proxy-${port}`
      bench.folder(`${name}-run`)
      bench.folder(`${name}-state`)
      const config = bench.write(`${name}.conf`, formatConfig(`${bench.dir}/${name}`, port, upstream, certificate))
      const program = await bench.start(name, 'dovecot', ['-F', '-c', config], { port })
      return { name: 'Dovecot proxy', port, certificate: certificate.pem, user: BENCH_USER, secret: SECRET, program }
    },
  }
}

export function readDovecotVersion(): string {
  return `Dovecot ${execFileSync('dovecot', ['--version'], { encoding: 'utf8' }).trim()}`
}

function formatConfig(root: string, port: number, upstream: Upstream, certificate: Certificate): string {
  return `
base_dir = ${root}-run
state_dir = ${root}-state
instance_name = mwbench-proxy-${port}
log_path = ${root}.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <${certificate.certFile}
ssl_key = <${certificate.keyFile}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login
passdb {
  driver = static
  args = password=${SECRET} proxy=y host=127.0.0.1 port=${upstream.port} pass=${UPSTREAM_SECRET}
}
auth_failure_delay = 0
mail_max_userip_connections = 0
default_client_limit = 20000
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${port}
    ssl = yes
  }
  service_count = 0
  client_limit = 10000
  process_min_avail = 1
  process_limit = 1
}
service stats {
  chroot =
}
`
}
