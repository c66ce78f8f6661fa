import { expect, test } from 'vitest'
import type { MailwicketError } from '../base/errors.ts'
import { refuseUnavailable } from './config-available.ts'
import { parseConfig } from './config-parse.ts'
import { SECTIONS } from './config-table.ts'

const EVERYTHING = `
hostname = "mail.example.com"
[[certificate]]
cert = "fullchain.pem"
key = "privkey.pem"
[[listen]]
protocol = "imap"
address = "0.0.0.0:993"
tls = "implicit"
proxy_protocol_from = ["10.0.0.0/8"]
[[listen]]
protocol = "submission"
address = "0.0.0.0:587"
tls = "starttls"
[[upstream]]
name = "main"
imap = { address = "imap.internal:993", tls = "implicit" }
submission = { address = "smtp.internal:587", tls = "starttls" }
forward_client = "id+xclient"
[admin]
address = "127.0.0.1:9993"
[portal]
address = "127.0.0.1:8080"
url = "https://devices.example.com"
`

const parse = (text: string) => parseConfig(text, '/etc/mailwicket/mailwicket.toml')

function refusedKeys(text: string): string[] {
  try {
    refuseUnavailable(parse(text))
    return []
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('/etc/mailwicket/mailwicket.toml has ') })
    const [, ...lines] = (error as MailwicketError).message.split('\n')
    return lines.map(line => line.trim().split(' ')[0] ?? '')
  }
}

test('every key that this version cannot do is named at once', () => {
  expect(refusedKeys(EVERYTHING)).toEqual(['portal'])
})

test('these are the ones that the documentation marks', () => {
  const marked = SECTIONS.flatMap(({ name, keys, later }) => [
    ...(later === undefined ? [] : [name]),
    ...Object.entries(keys).flatMap(([key, facts]) => (facts.later === undefined ? [] : [`${name}.${key}`])),
  ])
  expect(
    refusedKeys(EVERYTHING)
      .map(key => key.replace(/\[\d+\]/, ''))
      .sort(),
  ).toEqual(marked.sort())
})

test('and no other', () => {
  const text = EVERYTHING.replace(/\[portal\][\s\S]*/, '')
  for (const way of ['none', 'id', 'xclient', 'id+xclient', 'proxy']) expect(refusedKeys(text.replace('"id+xclient"', `"${way}"`))).toEqual([])
})
