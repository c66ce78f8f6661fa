/**
 * A program as somebody writes it who has nothing but the served document: every operation of the API, by the functions and types that a generator made of
 * it (`generated-client.ts`). `npm test` checks its types.
 */
import { HttpError, ok } from '@oazapfts/runtime'
import { expect } from 'vitest'
import type { RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import * as client from './generated-client.ts'

export interface Place {
  /** Of a domain that is served. */
  readonly mailbox: string
  /** The mailbox's at the real server. */
  readonly secret: string
  /** As a mail app does; throws when it is refused. */
  logIn(password: string): Promise<RawImap>
}

/** A page and what follows it, as a program reads a list to its end. */
async function readAll<Row>(read: (after: { after?: string }) => Promise<{ readonly items: readonly Row[]; readonly next: string | null }>): Promise<Row[]> {
  const rows: Row[] = []
  for (let next: string | null | undefined; next !== null; ) {
    const page = await read(next === undefined ? {} : { after: next })
    rows.push(...page.items)
    next = page.next
  }
  return rows
}

export async function addMailbox({ mailbox, secret }: Place): Promise<void> {
  const domain = mailbox.slice(mailbox.indexOf('@') + 1)
  expect(await ok(client.getMe())).toMatchObject({ login: 'anna', administrator: true })
  expect((await ok(client.addMailbox({ address: mailbox, secret, note: 'by a program' }))).address).toBe(mailbox)
  expect(await readAll(page => ok(client.listDomains({ ...page, limit: 1 })))).toContainEqual(await ok(client.getDomain(domain)))
  const addresses = (await readAll(page => ok(client.listMailboxes({ ...page, limit: 1 })))).map(({ address }) => address)
  expect(addresses).toContain(mailbox)
  expect(addresses.length).toBeGreaterThan(1)
  const changed = await ok(client.changeMailbox(mailbox, { aliases: [`info@${domain}`], sending: { recipientsPerDay: 100 } }))
  expect(changed).toEqual(await ok(client.getMailbox(mailbox)))
  expect(changed.sending?.recipientsPerDay).toBe(100)
  expect((await ok(client.verifyMailbox(mailbox))).verified).toBe(true)
  // @ts-expect-error: a field that there is not is known before anything is sent.
  await expect(ok(client.changeMailbox(mailbox, { nota: 'b' }))).rejects.toMatchObject({ status: 422, data: { errors: [{ field: 'nota' }] } })
}

export async function addDevice({ mailbox, logIn }: Place): Promise<string> {
  const add = () => ok(client.addDevice(mailbox, { name: 'Laptop' }, { idempotencyKey: 'laptop' }))
  const { device, password } = await add()
  registerSecret(password ?? '')
  expect(await add()).toMatchObject({ device: { id: device.id }, password: null })
  const imap = await logIn(password ?? '')
  imap.end()
  expect(await ok(client.changeDevice(device.id, { name: 'Old laptop', scopes: ['imap'] }))).toMatchObject({ name: 'Old laptop', scopes: ['imap'] })
  const renewed = await ok(client.changeDevicePassword(device.id, {}))
  registerSecret(renewed.password ?? '')
  await expect(logIn(password ?? '')).rejects.toThrow('AUTHENTICATIONFAILED')
  expect(String(await ok(client.makeAppleProfile(device.id, { password: renewed.password ?? '' })))).toContain(mailbox)
  expect(String(await ok(client.makeThunderbirdSquare(device.id, { password: renewed.password ?? '' })))).toMatch(/^<svg/)
  const rows = [await ok(client.listDevices({ q: 'old' })), await ok(client.listMailboxDevices(mailbox, { state: 'active' }))]
  expect(rows.map(({ items }) => items.map(({ id }) => id))).toEqual([[device.id], [device.id]])
  return renewed.password ?? ''
}

export async function endSession({ mailbox, logIn }: Place, password: string): Promise<void> {
  const from = Date.now()
  const imap = await logIn(password)
  // The one before may still be listed.
  const isThis = ({ since }: client.Session) => Date.parse(since) >= from
  const session = await waitFor('the session in the list', 10_000, async () => (await ok(client.listSessions({ mailbox }))).items.find(isThis))
  expect(await ok(client.getSession(session.id))).toMatchObject({ mailbox, protocol: 'imap' })
  expect(await ok(client.endSession(session.id))).toEqual({ sessions: 1 })
  await imap.readToEnd()
}

export async function lookAfterPeople({ mailbox }: Place): Promise<void> {
  const login = 'nora'
  const rights = { use: true, make: false, see: true, send: false, manage: false }
  await ok(client.addPerson({ login, name: 'Nora', rights: [{ mailbox, rights: { use: true } }] }))
  expect((await readAll(page => ok(client.listPeople({ ...page, limit: 1 })))).map(person => person.login)).toEqual(['anna', login])
  expect((await ok(client.changePerson(login, { name: 'Nora Berg' }))).name).toBe('Nora Berg')
  expect(await ok(client.changePersonSending(login, { maySend: false }))).toEqual(await ok(client.getPersonSending(login)))
  expect(await ok(client.setRights(login, mailbox, rights))).toEqual(await ok(client.getRights(login, mailbox)))
  expect((await ok(client.getPerson(login))).rights).toEqual([{ mailbox, ...rights }])
  expect(await readAll(page => ok(client.listMailboxPeople(mailbox, { ...page, limit: 1 })))).toMatchObject([{ user: login, ...rights }])
  expect(await ok(client.removeRights(login, mailbox, { devices: 'unlink' }))).toEqual({ devices: [] })
  expect(await ok(client.removePerson(login, { unlink: 'true' }))).toEqual({ login, unlinked: [] })
  const gone = await client.getPerson(login)
  if (gone.status === 200) throw new Error('still there')
  expect(gone.data).toMatchObject({ code: 'NOT_FOUND' })
}

export async function invite({ mailbox }: Place): Promise<void> {
  const made = await Promise.all(['Phone', 'Tablet'].map(name => ok(client.addInvitation({ mailbox, name }))))
  for (const { url } of made) registerSecret(url?.split('/').at(-1) ?? '')
  const [first] = made.map(({ invitation }) => invitation)
  const { id } = await ok(client.revokeInvitation(first?.id ?? ''))
  expect((await ok(client.getInvitation(id))).state).toBe('revoked')
  const all = await readAll(page => ok(client.listInvitations({ ...page, mailbox, limit: 1 })))
  expect(all.map(invitation => invitation.id).sort()).toEqual(made.map(({ invitation }) => invitation.id).sort())
}

export async function readHistory({ mailbox }: Place): Promise<void> {
  await waitFor('what happened in the activity', 10_000, async () => {
    const results = (await readAll(page => ok(client.listActivity({ ...page, mailbox, limit: 1 })))).map(({ result }) => result)
    return results.includes('ok') && results.includes('wrong-secret')
  })
  const actions = (await readAll(page => ok(client.listChanges({ ...page, mailbox, limit: 5 })))).map(({ action }) => action)
  expect(actions).toEqual(expect.arrayContaining(['mailbox.added', 'device.added', 'device.renamed', 'invitation.revoked']))
}

/** What it began with, and itself. */
export async function leave({ mailbox }: Place): Promise<void> {
  const [device] = (await ok(client.listMailboxDevices(mailbox))).items
  expect((await ok(client.disconnectDevice(device?.id ?? ''))).state).toBe('revoked')
  expect((await ok(client.getDevice(device?.id ?? ''))).revokedAt).not.toBeNull()
  expect(await ok(client.removeMailbox(mailbox))).toMatchObject({ address: mailbox })
  const { token } = await ok(client.getMe())
  expect((await readAll(page => ok(client.listTokens({ ...page, limit: 1 })))).map(({ id }) => id)).toContain(token.id)
  await ok(client.revokeToken(token.id))
  await expect(ok(client.getMe())).rejects.toThrow(HttpError)
}
