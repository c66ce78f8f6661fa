/**
 * The one real Dovecot behind all peers: plain IMAP on 127.0.0.1, any user, one password, maildir in the run's folder.
 */
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { findUser, type Workbench } from '../workbench.ts'
import { BENCH_USER, UPSTREAM_SECRET, type Upstream } from './peer.ts'

/** Large enough that one FETCH runs for a good tenth of a second at memory speed, small enough to make quickly. */
export const LARGE_MESSAGE_BYTES = 64 * 1024 * 1024

export async function startUpstream(bench: Workbench): Promise<Upstream> {
  const port = await bench.freePort()
  const mail = findUser('mail')
  bench.folder('mail', mail)
  bench.folder('upstream-run')
  bench.folder('upstream-state')
  writeLargeMessage(bench, mail)
  const config = bench.write('upstream.conf', formatConfig(bench.dir, port))
  await bench.start('upstream', 'dovecot', ['-F', '-c', config], { port })
  return { protocol: 'imap', port }
}

function writeLargeMessage(bench: Workbench, owner: { uid: number; gid: number }): void {
  const line = `${'The quick brown fox jumps over the lazy dog. 0123456789 '.repeat(2).slice(0, 76)}\r\n`
  const head = 'From: bench@example.test\r\nSubject: large\r\n\r\n'
  const body = Buffer.alloc(LARGE_MESSAGE_BYTES - head.length, line)
  const root = `${bench.dir}/mail/${BENCH_USER.split('@')[0]}`
  for (const folder of ['', '/cur', '/new', '/tmp']) {
    mkdirSync(root + folder, { recursive: true })
    chownSync(root + folder, owner.uid, owner.gid)
  }
  const file = `${root}/cur/1000000000.M1P1.bench:2,S`
  writeFileSync(file, Buffer.concat([Buffer.from(head), body]))
  chownSync(file, owner.uid, owner.gid)
}

// imap: many clients a process, so that 1,000 sessions do not need 1,000 processes of the machine that also measures.
function formatConfig(dir: string, port: number): string {
  return `
base_dir = ${dir}/upstream-run
state_dir = ${dir}/upstream-state
instance_name = mwbench-upstream
log_path = ${dir}/upstream.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:${dir}/mail/%n
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
mail_privileged_group = mail
passdb {
  driver = static
  args = password=${UPSTREAM_SECRET}
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${dir}/mail/%n allow_all_users=yes
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
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
  service_count = 0
  client_limit = 5000
  process_min_avail = 1
  process_limit = 1
}
service imap {
  service_count = 0
  client_limit = 50
  process_limit = 200
}
service stats {
  chroot =
}
`
}
