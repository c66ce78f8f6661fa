import { describe, expect, it } from 'vitest'
import { parseSendingOptions } from './sending-options.ts'

describe('the options of a sending rule', () => {
  it('name what is to change, and nothing else', async () => {
    expect(await parseSendingOptions({})).toBeUndefined()
    expect(await parseSendingOptions({ maySend: 'No' })).toEqual({ maySend: false })
    expect(await parseSendingOptions({ senders: ' own, Info@Example.com,,*@EXAMPLE.org ', checkFrom: 'yes' })).toEqual({
      senders: ['own', 'info@example.com', '*@example.org'],
      checksFrom: true,
    })
    expect(await parseSendingOptions({ senders: 'any', recipientsPerMessage: '20', recipientsPerDay: 'none' })).toEqual({
      senders: null,
      recipientsPerMessage: 20,
      recipientsPerDay: null,
    })
  })

  it.each([
    [{ maySend: 'maybe' }, '--may-send: “maybe” is neither yes nor no.'],
    [{ checkFrom: '' }, '--check-from: “” is neither yes nor no.'],
    [{ senders: ' , ' }, '--senders: the list is empty.'],
    [{ senders: 'any,own' }, '--senders: “any” stands alone.'],
    [{ senders: 'example.com' }, '--senders: "example.com" is no sender: write an address, *@domain, or own (the mailbox’s address)'],
    [{ recipientsPerDay: '0' }, '--recipients-per-day: “0” is no number of recipients.'],
    [{ recipientsPerMessage: '1e3' }, '--recipients-per-message: “1e3” is no number of recipients.'],
  ])('%j is refused with what to write instead', async (options, message) => {
    await expect(parseSendingOptions(options)).rejects.toMatchObject({ code: 'BAD_INPUT', message, remedy: expect.stringMatching(/--\w/) })
  })
})
