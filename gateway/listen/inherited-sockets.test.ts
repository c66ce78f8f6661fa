import { describe, expect, it } from 'vitest'
import type { MailwicketError } from '../../base/errors.ts'
import { parseEndpoint } from '../../base/network.ts'
import type { ListenConfig } from '../../config/config.ts'
import { findPassedDescriptors, matchInherited, openInherited } from './inherited-sockets.ts'

const section = (address: string, protocol: ListenConfig['protocol'] = 'imap', tls: ListenConfig['tls'] = 'implicit'): ListenConfig => ({
  ...parseEndpoint(address),
  protocol,
  tls,
  minTls: '1.2',
  proxyProtocolFrom: undefined,
})
const socket = (address: string, name = 'mailwicket.socket') => ({ ...parseEndpoint(address), name })

describe('findPassedDescriptors', () => {
  const env = { LISTEN_FDS: '2', LISTEN_PID: '77', LISTEN_FDNAMES: 'imaps:submission' }

  it('numbers them from three, with their names', () => {
    expect(findPassedDescriptors(env, 77)).toEqual([
      { fd: 3, name: 'imaps' },
      { fd: 4, name: 'submission' },
    ])
    expect(findPassedDescriptors({ ...env, LISTEN_FDNAMES: undefined }, 77)).toMatchObject([{ name: '' }, { name: '' }])
  })

  it.each([
    {},
    { ...env, LISTEN_PID: '78' },
    { ...env, LISTEN_PID: undefined },
    { ...env, LISTEN_FDS: 'x' },
    { ...env, LISTEN_FDS: '0' },
    { ...env, LISTEN_FDS: '-1' },
  ])('nothing is ours in %j', other => expect(findPassedDescriptors(other, 77)).toEqual([]))
})

describe('matchInherited', () => {
  const imaps = section('0.0.0.0:993')
  const imap6 = section('[::]:993')
  const submissions = section('0.0.0.0:465', 'submission')
  const submission = section('127.0.0.1:587', 'submission', 'starttls')
  const matchesOf = (sockets: ReturnType<typeof socket>[], listen: ListenConfig[]) =>
    new Map([...matchInherited(sockets, listen)].map(([one, found]) => [one, sockets.indexOf(found)]))

  it('by the address they are bound to, in any order; the rest of the sections is left to us', () => {
    expect(matchesOf([socket('127.0.0.1:587'), socket('0.0.0.0:993')], [imaps, submissions, submission])).toEqual(
      new Map([
        [submission, 0],
        [imaps, 1],
      ]),
    )
  })

  it('`ListenStream=993`, which is bound to [::], serves 0.0.0.0; but the exact one first', () => {
    expect(matchesOf([socket('[::]:993')], [imaps])).toEqual(new Map([[imaps, 0]]))
    expect(matchesOf([socket('[::]:993'), socket('0.0.0.0:993')], [imaps, imap6])).toEqual(
      new Map([
        [imap6, 0],
        [imaps, 1],
      ]),
    )
  })

  it('by the name of the service, where the address is another', () => {
    expect(matchesOf([socket('10.0.0.1:10465', 'submissions'), socket('10.0.0.1:10587', 'submission')], [submission, submissions])).toEqual(
      new Map([
        [submissions, 0],
        [submission, 1],
      ]),
    )
  })

  it('a specific address is not served by a section for another one', () => {
    expect(() => matchInherited([socket('192.0.2.1:587')], [submission])).toThrow(/192\.0\.2\.1:587/)
  })

  it('one that is left over is an error that says what to do', () => {
    const error = ((): MailwicketError => {
      try {
        matchInherited([socket('0.0.0.0:993'), socket('0.0.0.0:143', 'old.socket')], [imaps])
      } catch (thrown) {
        return thrown as MailwicketError
      }
      throw new Error('nothing was thrown')
    })()
    expect(error).toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('0.0.0.0:143 (old.socket)'),
      remedy: expect.stringContaining('[[listen]]'),
    })
    expect(error.message).not.toContain('993')
  })

  it('two sockets for one section: the second is left over', () => {
    expect(() => matchInherited([socket('0.0.0.0:993'), socket('[::]:993')], [imaps])).toThrow(/\[::\]:993/)
  })
})

describe('openInherited', () => {
  it('a descriptor that is no listening socket is an error', () => {
    // Far above what a process has open.
    expect(() => openInherited([{ fd: 9999, name: 'nothing' }], {})).toThrow(/descriptor 9999 \(nothing\)/)
  })
})
