import { describe, expect, it } from 'vitest'
import { classifyImapReply, classifySmtpReply } from './reply-classes.ts'
import { IMAP_REPLIES, SUBMISSION_REPLIES } from './reply-corpus.ts'

describe('the answer of a real server to a login', () => {
  it.each(IMAP_REPLIES)('$server: $line', ({ line, means }) => {
    const [, status = '', code = '', text = ''] = /^(?:\* )?(OK|NO|BAD|BYE) (?:\[([A-Z0-9]+)[^\]]*\] )?(.*)$/.exec(line) ?? []
    expect(classifyImapReply({ status, code, text })).toBe(means)
  })

  it.each(SUBMISSION_REPLIES)('$server: $line', ({ line, means }) => {
    expect(classifySmtpReply({ code: Number(line.slice(0, 3)), lines: [line.slice(4)] })).toBe(means)
  })

  it('what nobody knows is no clear refusal', () => {
    expect(classifyImapReply({ status: 'NO', code: '', text: 'go away' })).toBe('unclear')
    expect(classifyImapReply({ status: 'BAD', code: '', text: 'LOGIN failed' })).toBe('unclear')
    expect(classifyImapReply({ status: 'NO', code: '', text: 'Login failed, please try again' })).toBe('refused')
    expect(classifySmtpReply({ code: 554, lines: ['go away'] })).toBe('unclear')
  })
})
