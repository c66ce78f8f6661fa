import { expect, test } from 'vitest'
import { parseConfig } from './config-parse.ts'

const withUpstream = (keys: string) => `hostname = "mail.example.com"
[[certificate]]
cert = "fullchain.pem"
key = "privkey.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[upstream]]
name = "main"
imap = { address = "imap.internal:993", tls = "implicit" }
auth = { method = "stored" }
${keys}`

test('UNAUTHENTICATE does not go with an upstream that believes what it is told before login', () => {
  const parse = (keys: string) => parseConfig(withUpstream(keys), '/etc/mailwicket/mailwicket.toml')
  expect(() => parse('allow_unauthenticate = true\nforward_client = "id"')).toThrow(
    /upstream\[0\]\.allow_unauthenticate .* does not go with forward_client = "id"/,
  )
  for (const keys of ['allow_unauthenticate = true\nforward_client = "proxy"', 'allow_unauthenticate = true', 'forward_client = "id"'])
    expect(parse(keys).upstreams).toHaveLength(1)
})
