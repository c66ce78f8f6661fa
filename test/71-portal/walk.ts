/** Ways through the portal that everybody takes, in whatever language, by whatever hand; and the short walk made of them. */
import { readFileSync } from 'node:fs'
import { generate } from 'otplib'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Messages } from '../../portal/messages/en.ts'
import { openImapsFrom, quote, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import type { Hand } from './hand.ts'
import type { PortalStage } from './portal-stage.ts'

export interface Walker {
  readonly login: string
  readonly name: string
  readonly startLink: string
  /** Which they look after. */
  readonly mailbox: string
  readonly hand: Hand
  readonly m: Messages
  /** Address of their mail apps. */
  readonly from: string
  readonly withoutScript?: boolean
}

export const passwordOf = ({ login }: Pick<Walker, 'login'>): string => `seven grey herons of ${login}`

/** Words as they stand on the page. */
export const wordsOf = (message: unknown): string =>
  String(message)
    .replace(/<[^>]*>/g, '')
    .replaceAll('&amp;', '&')

/** From the start link to a second step that is on; the secret of the authenticator app. */
export async function begin(walker: Walker): Promise<string> {
  const { hand, m, startLink } = walker
  const password = passwordOf(walker)
  registerSecret(password)
  await hand.page.goto(startLink)
  await hand.fill(m.account.newPassword, password)
  await hand.fill(m.account.repeatPassword, password)
  await hand.press(m.words.continue)
  await hand.follow(m.account.turnOn)
  const secret = ((await hand.page.locator('code[data-secret]').textContent()) ?? '').replace(/\s/g, '')
  registerSecret(secret)
  await hand.fill(m.totp.typeDigits, await generate({ secret }))
  await hand.choose(m.totp.kept)
  await hand.press(m.account.turnOn)
  await hand.page.getByText(m.done.totpOn).waitFor()
  return secret
}

/** Out, and in again with the next code: the one of just now was used. */
export async function signInAgain(walker: Walker, secret: string): Promise<void> {
  const { hand, m, login, name } = walker
  await hand.open(m.frame.accountMenu(name))
  await hand.press(m.frame.signOut)
  await hand.fill(m.signIn.login, login)
  await hand.fill(m.words.password, passwordOf(walker))
  await hand.press(m.signIn.button)
  // One step ahead: the code of now was used to turn it on. It is made when the hand is at the field, and fits for a minute at least.
  let step = 0
  await hand.fill(m.signIn.code, () => {
    step = Math.floor(Date.now() / 30_000) + 1
    return generate({ secret, epoch: step * 30 })
  })
  const answer = hand.page.waitForResponse(response => response.request().method() === 'POST' && new URL(response.url()).pathname === '/sign-in/second')
  answer.catch(() => {})
  await hand.press(m.words.continue)
  const { status, text } = await answer.then(async response => ({ status: response.status(), text: response.status() === 303 ? '' : await response.text() }))
  expect(status, `the code of step ${step}, now ${Date.now() / 30_000}: ${/<h1[^>]*>([^<]*)</.exec(text)?.[1]}`).toBe(303)
}

export async function readPassword(page: Page): Promise<string> {
  const shown = ((await page.locator('#pw').textContent()) ?? '').replace(/\s/g, '')
  registerSecret(shown)
  expect(shown).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}$/)
  return shown
}

/** A mail app that says who it is, logs in, and has the inbox open. */
export async function connect(stage: PortalStage, user: string, password: string, app: string, from = '127.0.0.1'): Promise<RawImap> {
  const imap = await openImapsFrom(from, stage.imapAccount(user, password))
  await imap.ok(`ID ("name" ${quote(app)} "version" "16.2")`)
  await imap.ok(`LOGIN ${quote(user)} ${quote(password)}`)
  await imap.ok('SELECT INBOX')
  return imap
}

/** From an address of its own, so that nobody's wrong passwords count for another. */
async function isRefused(stage: PortalStage, { from, mailbox }: Walker, password: string): Promise<boolean> {
  const imap = await openImapsFrom(from, stage.imapAccount(mailbox, password))
  const reply = await imap.command(`LOGIN ${quote(mailbox)} ${quote(password)}`)
  imap.destroy()
  return / NO \[AUTHENTICATIONFAILED\]/.test(reply)
}

/** What must be so on every page, whoever reads it; asked again and again on the way. */
export type Look = (page: Page) => Promise<void>

/**
 * In, a mailbox, a device that connects, another password, an invitation that somebody accepts, a pause, the end of the device, and what is told of it.
 * `openOther`: the browser of the invited.
 */
export async function walk(stage: PortalStage, walker: Walker, look: Look, openOther: () => Promise<Hand>): Promise<void> {
  const { hand, m, mailbox, login, name } = walker
  const { page } = hand
  const device = `${name}’s ${'phone '.repeat(6).trim()}`
  const see = async (text: string) => {
    await page.getByText(text).filter({ visible: true }).first().waitFor()
    await look(page)
  }
  const mayPause = m.devices.actionsFor(device)

  await signInAgain(walker, await begin(walker))
  await see(m.services.sub)
  await hand.follow('example.com')
  await hand.follow(m.mailboxes.add)
  await hand.fill(m.mailbox.address, mailbox)
  await hand.fill(m.mailbox.passwordThere, stage.dovecot.passwordOf(mailbox))
  await hand.press(m.mailbox.tryAndAdd)
  await see(m.devices.noneTitle)

  stage.forgetConfirmation(login)
  await hand.follow(m.devices.add)
  await see(m.devices.nameHint)
  await hand.fill(m.devices.name, device)
  await hand.choose(m.devices.endChoices.month)
  await hand.press(m.words.continue)
  await see(m.confirm.beforePassword)
  await hand.fill(m.confirm.password, passwordOf(walker))
  await hand.press(m.confirm.button)
  await see(m.password.title)
  const first = await readPassword(page)
  await hand.choose(m.setup.apps.other.name)
  await see('993, SSL/TLS'.replace('993', String(stage.imapAccount(mailbox, first).port)))
  const session = await connect(stage, mailbox, first, 'Walking Mail', walker.from)
  if (walker.withoutScript === true) {
    await hand.follow(wordsOf(m.password.look('')).split('. ')[0] ?? '')
    await see(m.devices.changePassword)
    // The gateway writes connections down a moment later; without script nobody but the reader looks again.
    const isWritten = async () => (await page.getByText(m.devices.readingImap).count()) > 0
    await waitFor(
      'the first connection',
      30_000,
      async () => {
        if (await isWritten()) return true
        await page.reload()
        return isWritten()
      },
      500,
    )
    await see(m.devices.readingImap)
    await hand.follow(m.devices.changePassword)
  } else {
    await page
      .locator('[data-first]', { hasText: device })
      .and(page.locator('[data-first]', { hasText: 'Walking Mail' }))
      .waitFor()
    await look(page)
    await hand.follow(m.password.saved)
    await see(m.devices.connectedNow)
    await hand.open(mayPause)
    await hand.follow(m.devices.changePassword)
  }

  await see(m.password.makeOneAbout)
  await hand.press(m.devices.changePassword)
  await see(m.password.changedTitle)
  const second = await readPassword(page)
  await session.readToEnd()
  expect(await isRefused(stage, walker, first)).toBe(true)
  const again = await connect(stage, mailbox, second, 'Walking Mail', walker.from)

  await page.goto(`${stage.url}/invitations/new?mailbox=${encodeURIComponent(mailbox)}`)
  await see(m.invitations.about)
  await hand.choose(m.invitations.whoever)
  await hand.press(m.invitations.make)
  await see(m.invitations.ready)
  const link = await page.locator('#invitation-link').inputValue()
  registerSecret(link.split('/').at(-1) ?? '')
  const other = await openOther()
  await other.page.goto(link)
  await other.fill(m.invited.nameLabel, 'Guest')
  await other.choose(m.setup.apps.thunderbird.name)
  await look(other.page)
  await other.press(m.invited.button)
  await other.page.getByText(m.invited.welcome).first().waitFor()
  await look(other.page)
  const guest = await connect(stage, mailbox, await readPassword(other.page), 'Guest Mail', walker.from)
  await other.page.goto(link)
  await other.page.getByText(m.invited.goneTitle).first().waitFor()

  await page.goto(`${stage.url}/m/${encodeURIComponent(mailbox)}/devices`)
  await see(m.devices.each)
  await hand.open(m.devices.actionsFor('Guest'))
  await hand.press(m.devices.pause)
  await guest.readToEnd()
  await see(m.devices.paused)
  await hand.open(mayPause)
  await hand.follow(m.devices.disconnect)
  await see(m.devices.disconnectStops)
  await hand.press(m.devices.disconnect)
  await again.readToEnd()
  await see(m.devices.disconnectedLately(1))
  expect(await isRefused(stage, walker, second)).toBe(true)

  await page.goto(`${stage.url}/m/${encodeURIComponent(mailbox)}/activity`)
  await see(m.activity.change)
  const downloading = page.waitForEvent('download')
  await hand.follow('CSV')
  const csv = readFileSync(await (await downloading).path(), 'utf8')
  for (const word of ['mailbox.added', 'device.password', 'invitation.accepted', 'device.disabled', 'device.revoked', 'Walking Mail'])
    expect(csv).toContain(word)
}
