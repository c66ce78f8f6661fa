import { expect, test } from 'vitest'
import { findOperator, type OperatorFacts } from './operator.ts'

const here: OperatorFacts = { user: 'mailwicket', host: 'gw1', tty: undefined, env: {} }

test.each([
  ['nothing but the process is known', {}, 'mailwicket', 'cli on gw1'],
  ['a terminal', { tty: 'pts/3' }, 'mailwicket', 'cli on gw1, pts/3'],
  ['sudo', { tty: 'pts/3', env: { SUDO_USER: 'anna' } }, 'anna', 'cli as mailwicket on gw1, pts/3'],
  ['sudo to oneself', { env: { SUDO_USER: 'mailwicket' } }, 'mailwicket', 'cli on gw1'],
  ['ssh', { tty: 'pts/3', env: { SSH_CONNECTION: '203.0.113.7 50000 192.0.2.1 22' } }, 'mailwicket', 'cli on gw1, pts/3, ssh from 203.0.113.7'],
  ['ssh over IPv6, a command without a terminal', { env: { SSH_CLIENT: '2001:db8::7 50000 22' } }, 'mailwicket', 'cli on gw1, ssh from 2001:db8::7'],
  ['a terminal that only sshd tells of', { env: { SSH_TTY: '/dev/pts/9' } }, 'mailwicket', 'cli on gw1, pts/9'],
] as const)('%s', (_what, facts, operator, origin) => {
  expect(findOperator({ ...here, ...facts })).toEqual({ operator, origin })
})

test.each([
  { SUDO_USER: 'an\nna' },
  { SUDO_USER: 'anna, ssh from 192.0.2.1' },
  { SUDO_USER: '' },
  { SUDO_USER: 'x'.repeat(1000) },
  { SSH_CONNECTION: 'somewhere\u001b[2J 1 2 3' },
  { SSH_CONNECTION: '' },
  { SSH_TTY: '/dev/pts/1\nroot' },
])('what the environment cannot truly say is left out: %j', env => {
  expect(findOperator({ ...here, env })).toEqual({ operator: 'mailwicket', origin: 'cli on gw1' })
})
