/** The records that `dns` prints, looked for in zones that a test makes. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../config/config-parse.ts'
import { autoconfigurationRecords } from '../../management/mailboxes/autoconfiguration-records.ts'
import { checkAutoconfiguration, type Zones } from './check-autoconfiguration.ts'

const text = (portal: string) => `
hostname = "mail.example.com"
[[certificate]]
cert = "a.pem"
key = "b.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
domains = ["example.org"]
imap = { address = "imap.internal:993", tls = "implicit" }
${portal}`
const config = parseConfig(text('[portal]\naddress = "127.0.0.1:8443"\nurl = "https://devices.example.com"\ntls = "none"\n'), '/etc/mailwicket.toml')
const records = autoconfigurationRecords(config, 'example.org')

/** Zones in which everything is as it was printed, but for what a test changes. */
function zones(changes: Readonly<Record<string, readonly string[]>> = {}): Zones {
  const valuesOf = (name: string) => changes[name] ?? records.filter(record => record.name === name).map(({ value }) => value)
  return {
    resolve: async name => changes[name] ?? (name === 'devices.example.com' || valuesOf(name).includes('devices.example.com.') ? ['192.0.2.1'] : []),
    srv: async name => valuesOf(name).map(value => ({ name: value.split(' ')[3]?.slice(0, -1) ?? '', port: Number(value.split(' ')[2]) })),
    txt: async name => valuesOf(name).map(value => value.slice(1, -1)),
  }
}

test('all is there', async () => {
  expect(await checkAutoconfiguration(config, zones())).toMatchObject([{ status: 'ok', message: 'Mail apps find the settings of example.org by themselves.' }])
})

test.each([
  ['autoconfig.example.org', [], 'CNAME autoconfig.example.org'],
  ['autodiscover.example.org', ['198.51.100.9'], 'CNAME autodiscover.example.org'],
  ['_imaps._tcp.example.org', ['0 1 993 old.example.org.'], 'SRV _imaps._tcp.example.org'],
  ['_imaps._tcp.example.org', ['0 1 1993 mail.example.com.'], 'SRV _imaps._tcp.example.org'],
  ['_ua-auto-config.example.org', ['"v=UAAC1; a=sha256; d=old"'], 'TXT _ua-auto-config.example.org'],
])('%s that is %j is told of, and nothing fails', async (name, values, told) => {
  const [finding] = await checkAutoconfiguration(config, zones({ [name]: values }))
  expect(finding).toMatchObject({ status: 'warn', message: `For example.org these records are missing or lead elsewhere: ${told}.` })
  expect(finding?.advice).toContain('mailwicket dns example.org')
})

test('a digest that is on its way out may stand beside the new one', async () => {
  const now = records.find(({ type }) => type === 'TXT')?.value ?? ''
  const both = zones({ '_ua-auto-config.example.org': ['"v=UAAC1; a=sha256; d=old"', now] })
  expect(await checkAutoconfiguration(config, both)).toMatchObject([{ status: 'ok' }])
})

test('a resolver that does not answer is not a missing record', async () => {
  const silent = async (): Promise<never> => {
    throw new Error('queryA ETIMEOUT autoconfig.example.org')
  }
  const [finding] = await checkAutoconfiguration(config, { resolve: silent, srv: silent, txt: silent })
  expect(finding).toMatchObject({ status: 'warn', message: expect.stringContaining('could not be looked up: queryA ETIMEOUT') })
})

test('without a portal nothing is looked for', async () => {
  expect(await checkAutoconfiguration(parseConfig(text(''), '/etc/mailwicket.toml'), zones())).toEqual([])
})
