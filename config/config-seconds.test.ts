import { expect, test } from 'vitest'
import { parseConfig } from './config-parse.ts'
import { formatSampleConfig } from './config-sample.ts'

const parse = (value: string) => parseConfig(`drain_seconds = ${value}\n${formatSampleConfig({ hostname: 'mail.example.com' })}`, '/etc/mailwicket.toml')

test.each(['0', '25', '3600'])('drain_seconds = %s', value => {
  expect(parse(value).drainSeconds).toBe(Number(value))
})

test.each(['-1', '0.5', '3601', '"25"', '25000', 'true'])('drain_seconds = %s is refused', value => {
  expect(() => parse(value)).toThrow(`drain_seconds is ${value}, but must be a whole number of seconds from 0 to 3600`)
})
