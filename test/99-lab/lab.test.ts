import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { format } from 'node:util'
import { test } from 'vitest'
import { quote } from '../fixtures/raw-imap.ts'
import { Stage } from '../fixtures/stage.ts'
const say = (...a: unknown[]) => process.stderr.write('\n' + format(...a))
test('lab', { timeout: 120_000 }, async () => {
  const [sources = '1', perSource = '50', seconds = '10', style = 'keep'] = (process.env.LAB ?? '').split(' ')
  const user = 'reader@example.com'
  const stage = await Stage.open({ users: [user] })
  await stage.gateway.serve()
  const good = await stage.addAccount(user, 'phone')
  const ca = readFileSync(good.ca)
  async function goodLogin(): Promise<number> {
    const t = performance.now()
    await new Promise<void>((resolve, reject) => {
      const s = connect({ host: '127.0.0.1', port: good.port, ca, servername: 'localhost' })
      let rest = ''
      s.on('data', d => { rest += d; let at: number; while ((at = rest.indexOf('\n')) >= 0) { const l = rest.slice(0, at); rest = rest.slice(at + 1)
        if (l.startsWith('* OK')) s.write(`a LOGIN ${quote(good.user)} ${quote(good.password)}\r\n`)
        if (l.startsWith('a OK')) { resolve(); s.destroy() } else if (l.startsWith('a ')) reject(new Error(l)) } })
      s.on('error', reject); s.on('close', () => reject(new Error('closed')))
    })
    return performance.now() - t
  }
  const p = (list: number[], q: number) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))]?.toFixed(1)
  async function measure(ms: number) {
    const times: number[] = []; const fails: string[] = []
    const end = Date.now() + ms
    while (Date.now() < end) { const next = Date.now() + 40; await goodLogin().then(t => times.push(t), e => fails.push(e.message)); await new Promise(r => setTimeout(r, Math.max(0, next - Date.now()))) }
    return { n: times.length, p50: p(times, 0.5), p90: p(times, 0.9), p99: p(times, 0.99), max: p(times, 1), fails: fails.length, why: [...new Set(fails)].slice(0, 3) }
  }
  const cpu = () => readFileSync(`/proc/${stage.gateway.process.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0) / 100
  say('quiet', await measure(5000), 'rss', stage.gateway.residentBytes() >> 20)
  const c0 = cpu()
  const done = new Promise<void>(r => execFile(process.execPath, ['/tmp/mw/lab/attack.mjs', String(good.port), sources, perSource, seconds, user, style], (_e, out) => { say(out); r() }))
  say('flood', await measure(Number(seconds) * 1000), 'rss', stage.gateway.residentBytes() >> 20, 'cpu', cpu() - c0)
  await done
  say('after', await measure(3000), 'rss', stage.gateway.residentBytes() >> 20)
  say((await stage.gateway.run(['limits', 'list'])).stdout.slice(0, 600))
  const log = stage.gateway.log; const by: Record<string, number> = {}
  for (const l of log) { const k = `${l.event} ${l.reason ?? l.why ?? ''}`; by[k] = (by[k] ?? 0) + 1 }
  say(by)
  await stage.close().catch(e => say('close', e.message.slice(0, 200)))
})
