/**
 * nginx twice: its mail module (IMAP or SMTP proxy, auth_http) and its stream module (TLS taken off, put on towards an upstream that has it, nothing
 * else: the floor).
 * One worker each, as the gateway has one process. The auth_http server is a process of its own and is not accounted for.
 */
import { execFileSync } from 'node:child_process'
import type { Program, Workbench } from '../workbench.ts'
import { BENCH_USER, type Certificate, type PeerKind, UPSTREAM_SECRET, type Upstream } from './peer.ts'

const SECRET = 'nginx-device-secret'

export function nginxMail(bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  return {
    name: 'nginx mail',
    async start() {
      const authPort = await bench.freePort()
      const answer = { secret: SECRET, host: '127.0.0.1', port: upstream.port, upstreamSecret: UPSTREAM_SECRET }
      const authHttp = new URL('./auth-http.ts', import.meta.url).pathname
      await bench.start('auth-http', process.execPath, [authHttp, String(authPort), JSON.stringify(answer)], { port: authPort })
      const port = await bench.freePort()
      const program = await startNginx(bench, 'mail', port, formatMail(port, authPort, certificate, upstream))
      return { name: 'nginx mail', port, certificate: certificate.pem, user: BENCH_USER, secret: SECRET, program }
    },
  }
}

export function nginxStream(bench: Workbench, upstream: Upstream, certificate: Certificate): PeerKind {
  return {
    name: 'nginx stream',
    async start() {
      const port = await bench.freePort()
      const program = await startNginx(bench, 'stream', port, formatStream(port, upstream, certificate))
      // It looks at nothing: the load logs in to the upstream itself.
      return { name: 'nginx stream', port, certificate: certificate.pem, user: BENCH_USER, secret: UPSTREAM_SECRET, program }
    },
  }
}

/** Version of nginx, which it prints on standard error. */
export function readNginxVersion(): string {
  return execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
    .replace(/^.*nginx\//, 'nginx ')
    .trim()
}

function startNginx(bench: Workbench, module: 'mail' | 'stream', port: number, service: string): Promise<Program> {
  const name = `nginx-${module}-${port}`
  const head = `
load_module /usr/lib/nginx/modules/ngx_${module}_module.so;
daemon off;
user www-data;
worker_processes 1;
pid ${bench.dir}/${name}.pid;
error_log ${bench.dir}/${name}.error.log warn;
events { worker_connections 16384; }
`
  const config = bench.write(`${name}.conf`, head + service)
  return bench.start(name, 'nginx', ['-e', `${bench.dir}/${name}.error.log`, '-c', config], { port })
}

const MAIL_IMAP = `imap_capabilities IMAP4rev1 LITERAL+ SASL-IR ID IDLE;
  imap_auth plain login;`

/** It answers EHLO itself, and copies both ways from the AUTH on: PIPELINING is then the upstream's affair, and works. */
const MAIL_SMTP = `smtp_capabilities PIPELINING 8BITMIME "SIZE 104857600";
  smtp_auth plain login;
  proxy_smtp_auth on;
  xclient off;`

function formatMail(port: number, authPort: number, certificate: Certificate, { protocol }: Upstream): string {
  return `
mail {
  server_name localhost;
  auth_http 127.0.0.1:${authPort}/;
  proxy_pass_error_message on;
  proxy_timeout 24h;
  timeout 60s;
  ${protocol === 'imap' ? MAIL_IMAP : MAIL_SMTP}
  ${formatTls(certificate)}
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    protocol ${protocol === 'imap' ? 'imap' : 'smtp'};
  }
}
`
}

function formatStream(port: number, upstream: Upstream, certificate: Certificate): string {
  return `
stream {
  ${formatTls(certificate)}
  proxy_timeout 24h;
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    proxy_pass 127.0.0.1:${upstream.port};
    proxy_ssl ${upstream.isTls ? 'on' : 'off'};
  }
}
`
}

function formatTls(certificate: Certificate): string {
  return `ssl_certificate ${certificate.certFile};
  ssl_certificate_key ${certificate.keyFile};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  ssl_session_tickets on;`
}
