import { expect, test } from 'vitest'
import type { PortalFigures } from '../../base/process-messages.ts'
import { Metrics } from './metrics.ts'

const FIGURES: PortalFigures = {
  requests: { '2xx': 3, '3xx': 0, '4xx': 1, '5xx': 0 },
  seconds: [0.02, 0.2],
  signIns: { 'signed-in': 1, second: 0, wrong: 2, limited: 0 },
  mails: { sent: 1, failed: 0, 'given-up': 0 },
  sessions: 4,
  mailsWaiting: 2,
}
const read = (text: string, series: string) =>
  text
    .split('\n')
    .find(line => line.startsWith(`${series} `))
    ?.split(' ')[1]

test('counts of the portal add up, also when it was started again meanwhile; what it does not know is missing', async () => {
  const metrics = new Metrics()
  expect(read(await metrics.text(), 'mailwicket_portal_sessions')).toBeUndefined()
  metrics.portal.figures(FIGURES)
  metrics.portal.ended()
  const gone = await metrics.text()
  expect(read(gone, 'mailwicket_portal_restarts_total')).toBe('1')
  expect(read(gone, 'mailwicket_portal_mail_queue_length')).toBeUndefined()
  metrics.portal.figures(FIGURES)
  const text = await metrics.text()
  expect(read(text, 'mailwicket_portal_requests_total{status="2xx"}')).toBe('6')
  expect(read(text, 'mailwicket_portal_requests_total{status="5xx"}')).toBe('0')
  expect(read(text, 'mailwicket_portal_request_duration_seconds_count')).toBe('4')
  expect(read(text, 'mailwicket_portal_request_duration_seconds_bucket{le="0.025"}')).toBe('2')
  expect(read(text, 'mailwicket_portal_sign_ins_total{result="wrong"}')).toBe('4')
  expect(read(text, 'mailwicket_portal_mails_total{result="sent"}')).toBe('2')
  expect(read(text, 'mailwicket_portal_sessions')).toBe('4')
  expect(read(text, 'mailwicket_portal_mail_queue_length')).toBe('2')
})
