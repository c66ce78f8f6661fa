/**
 * The portal as its people meet it, from the link of the first administrator to the list of what happened: Debian's Chromium before the real portal, mail
 * apps at the real gateway, a Dovecot and a Postfix behind it. First the whole story, then a shorter walk as other people do it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseCsv } from 'csv-parse/sync'
import { XMLParser } from 'fast-xml-parser'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { parse as parsePlist } from 'plist'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Language, messagesOf } from '../../portal/messages/languages.ts'
import { runOk } from '../fixtures/child-process.ts'
import { logIn, type RawImap } from '../fixtures/clients/raw-imap.ts'
import { logInSmtp, type RawSmtp } from '../fixtures/clients/raw-smtp.ts'
import { waitFor } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { type Hand, PointingHand, TypingHand } from './hand.ts'
import { PortalStage } from './portal-stage.ts'
import { begin, connect, type Look, passwordOf, readPassword, signInAgain, type Walker, walk } from './walk.ts'

const OFFICE = 'office@example.com'
const MINA = 'mina@example.com'
const WALKERS = ['french', 'phone', 'dark', 'keyboard', 'plain'] as const
const m = messagesOf('en')

let stage: PortalStage
let boss: Walker
let context: BrowserContext
let page: Page
let hand: PointingHand

beforeAll(async () => {
  stage = await PortalStage.open([OFFICE, MINA, ...WALKERS.map(name => `${name}@example.com`)])
  context = await stage.openContext({ permissions: ['clipboard-read', 'clipboard-write'], viewport: { width: 1280, height: 800 } })
  page = await context.newPage()
  hand = new PointingHand(page)
  boss = { login: 'boss', name: 'The Boss', startLink: await stage.addPerson('boss', 'The Boss', ['--admin']), mailbox: OFFICE, hand, m, from: '127.0.0.1' }
})
afterAll(() => stage?.close())
const press = (name: string) => hand.press(name)
const see = (text: string) => page.getByText(text).first().waitFor()
const to = (path: string) => page.goto(`${stage.url}${path}`)

describe('the whole story', () => {
  /** The tablet of the front desk: what it reads by, what it sends by, and the password of the moment. */
  let tablet: { imap: RawImap; password: string }
  let mina: { page: Page; hand: PointingHand; imap: RawImap; smtp: RawSmtp }

  test('an administrator begins with a link, sets up an authenticator app, and signs in with it', async () => {
    const app = await begin(boss)
    await signInAgain(boss, app)
    await see('Mail services')
  })

  test('a mailbox is added where the server takes the login, and not where it does not', async () => {
    // Nothing is there yet, and the way to the first mailbox is.
    await hand.follow('example.com')
    await hand.follow('Add a mailbox')
    await hand.fill('Address', OFFICE)
    await hand.fill('Password there', 'not the password there')
    await press('Try and add')
    await see('main answered, but did not accept this login. Nothing was saved.')
    await hand.fill('Password there', stage.dovecot.passwordOf(OFFICE))
    await press('Try and add')
    await see(`${OFFICE} is here. Nobody gets in yet: add a device.`)
    await see('The gate is closed')
  })

  test('a device is added after confirming; its password is copied, logs in and sends; the page says at once that it is connected', async () => {
    stage.forgetConfirmation('boss')
    await hand.follow('Add a device')
    await hand.fill('Name', 'Front desk tablet')
    await press('Continue')
    await see('Before a password is made, you say once more who you are.')
    await hand.fill('Your account’s password', passwordOf(boss))
    await press('Confirm')
    const password = await readPassword(page)
    await press('Copy')
    await page.locator('#copy-said', { hasText: 'Copied' }).waitFor({ state: 'attached' })
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(password)

    const imap = await connect(stage, OFFICE, password, 'Apple Mail')
    const smtp = await logInSmtp(stage.smtpAccount(OFFICE, password))
    expect(await smtp.send(OFFICE, [OFFICE], 'Subject: from the tablet\r\n\r\nhello\r\n')).toMatch(/^250/)
    await smtp.expect('221', 'QUIT')
    await waitFor('the message', 20_000, async () => (await imap.ok('SEARCH SUBJECT "from the tablet"')).match(/^\* SEARCH \d/m) !== null)
    const opened = await page.evaluate<number>('performance.timeOrigin')
    await page.getByText(/^Front desk tablet is connected\. Apple Mail.*, from 127\.0\.0\.1/).waitFor()
    expect(await page.evaluate<number>('performance.timeOrigin')).toBe(opened)
    tablet = { imap, password }
  })

  test('a changed password ends the session, and the old one is refused; it is copied where the browser has no clipboard for pages', async () => {
    await hand.follow('I have saved it')
    await hand.open('Actions for Front desk tablet')
    await hand.follow('Change password')
    await see('this device’s 1 live session ends')
    await page.addInitScript('Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined })')
    await press('Change password')
    const password = await readPassword(page)
    expect(password).not.toBe(tablet.password)
    await tablet.imap.readToEnd()
    await expect(logIn(stage.imapAccount(OFFICE, tablet.password))).rejects.toThrow('AUTHENTICATIONFAILED')

    await press('Copy')
    await page.locator('#copy-said', { hasText: 'Copied' }).waitFor({ state: 'attached' })
    await page.getByRole('searchbox').first().focus()
    await page.keyboard.press('ControlOrMeta+v')
    expect(await page.getByRole('searchbox').first().inputValue()).toBe(password)
    // Where nothing copies, the whole of it is selected, and the page says what to press.
    await page.evaluate('document.execCommand = () => false')
    await press('Copy')
    await page.getByText('Press Ctrl+C to copy').waitFor()
    expect(await page.evaluate<string>('String(getSelection()).trim()')).toBe(password)

    tablet = { imap: await connect(stage, OFFICE, password, 'Apple Mail'), password }
    await page.goBack()
    expect(await page.content()).not.toContain(password)
    await page.goForward()
    await see('That password was shown once')
    expect(await page.content()).not.toContain(password)
  })

  test('a second person is invited, accepts in a browser of her own, and sets up Apple Mail by the profile', async () => {
    await to(`/m/${encodeURIComponent(OFFICE)}/users/new`)
    await hand.fill('Name or e-mail', MINA)
    await hand.fill('Name shown to others', 'Mina Park')
    await press('Add the person')
    await see('The start link is ready')
    const startLink = await page.locator('#start-link').inputValue()
    registerSecret(startLink.split('/').at(-1) ?? '')
    await to(`/invitations/new?mailbox=${encodeURIComponent(OFFICE)}`)
    await hand.choose('A person with an account')
    await page.getByLabel('Person', { exact: true }).selectOption(MINA)
    await press('Make the invitation')
    await see('The invitation is ready')
    const link = await page.locator('#invitation-link').inputValue()
    registerSecret(link.split('/').at(-1) ?? '')
    expect(link).toMatch(new RegExp(`^${stage.url}/i/`))

    const hers = await stage.openPage({ acceptDownloads: true, viewport: { width: 390, height: 844 } })
    const herHand = new PointingHand(hers)
    await hers.goto(startLink)
    await herHand.fill('New password', passwordOf({ login: MINA }))
    await herHand.fill('The same once more', passwordOf({ login: MINA }))
    await herHand.press('Continue')
    await hers.goto(link)
    await herHand.fill('What do you call this device?', 'Mina’s iPhone')
    await herHand.choose('iPhone, iPad, Mac')
    await herHand.press('Make my password')
    await hers.getByRole('heading', { name: 'Your device is welcome' }).waitFor()
    registerSecret(await readPassword(hers))
    const downloading = hers.waitForEvent('download')
    await herHand.press('Download the profile')
    const profile = await readProfile(await (await downloading).path())
    expect(profile).toMatchObject({ EmailAddress: OFFICE, IncomingMailServerHostName: 'mail.example.com', IncomingMailServerUseSSL: true })
    await readAndSend(profile)
    await hers.getByText(/^Mina’s iPhone is connected\./).waitFor()

    const account = { user: String(profile.IncomingMailServerUsername), password: String(profile.IncomingPassword) }
    mina = {
      page: hers,
      hand: herHand,
      imap: await connect(stage, account.user, account.password, 'Apple Mail'),
      smtp: await logInSmtp(stage.smtpAccount(account.user, String(profile.OutgoingPassword))),
    }
    await mina.smtp.expect('250', `MAIL FROM:<${OFFICE}>`)
    await mina.smtp.expect('250', 'RSET')
  })

  test('she adds Thunderbird herself, which finds the servers by the address', async () => {
    await mina.page.goto(`${stage.url}/`)
    await mina.hand.follow('Add a device')
    await mina.hand.fill('Name', 'Mina’s laptop')
    await mina.hand.press('Continue')
    const password = await readPassword(mina.page)
    await mina.hand.choose('Thunderbird')
    await mina.page.getByText('Thunderbird finds the servers by itself.').waitFor()
    const document = await stage.curl(`https://autoconfig.example.com/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(OFFICE)}`)
    const { emailProvider } = new XMLParser({ isArray: name => /Server$/.test(name) }).parse(document).clientConfig
    type Server = { hostname: string; port: number; socketType: string; username: string }
    const [incoming] = emailProvider.incomingServer as Server[]
    const [outgoing] = emailProvider.outgoingServer as Server[]
    expect([incoming?.socketType, outgoing?.socketType]).toEqual(['SSL', 'SSL'])
    const login = (server: Server | undefined) => `${server?.username.replace('%EMAILADDRESS%', OFFICE)}:${password}`
    expect(await byCurl(`imaps://${incoming?.hostname}:${incoming?.port}/`, login(incoming))).toContain('INBOX')
    await byCurl(`smtps://${outgoing?.hostname}:${outgoing?.port}`, login(outgoing), ['--mail-from', OFFICE, '--mail-rcpt', OFFICE, '--upload-file', message()])
    await mina.page.getByText(/^Mina’s laptop is connected\./).waitFor()
  })

  test('without the right to send, her next message is refused and her open session reads on', async () => {
    await to('/people')
    await hand.follow('Mina Park')
    await page.getByLabel('May send mail').uncheck()
    await page.locator('form', { hasText: 'May send mail' }).getByRole('button', { name: 'Save' }).click()
    await see('Mina Park no longer sends. Reading goes on.')
    expect(await mina.smtp.command(`MAIL FROM:<${OFFICE}>`)).toMatch(/^550/)
    await mina.imap.ok('NOOP')
    expect(await mina.imap.ok('SEARCH ALL')).toMatch(/^\* SEARCH \d/m)
    await tablet.imap.ok('NOOP')
  })

  test('a paused device is out until it is resumed, a disconnected one for good', async () => {
    await to(`/m/${encodeURIComponent(OFFICE)}/devices`)
    await hand.open('Actions for Mina’s iPhone')
    await press('Pause')
    await see('Mina’s iPhone is paused.')
    await mina.imap.readToEnd()
    await hand.open('Actions for Mina’s iPhone')
    await press('Resume')
    await see('Mina’s iPhone gets in again, with the same password.')

    await hand.open('Actions for Front desk tablet')
    await hand.follow('Disconnect')
    await see('The other 2 devices do not notice.')
    await press('Disconnect')
    await see('Front desk tablet is disconnected. 1 session ended.')
    await tablet.imap.readToEnd()
    await expect(logIn(stage.imapAccount(OFFICE, tablet.password))).rejects.toThrow('AUTHENTICATIONFAILED')
  })

  test('the activity tells all of it, also as CSV', async () => {
    await to(`/m/${encodeURIComponent(OFFICE)}/activity`)
    await see('Front desk tablet connected')
    for (const sentence of [
      'Front desk tablet refused: it was disconnected',
      'The Boss disconnected Front desk tablet',
      'The Boss paused Mina’s iPhone',
      'The Boss invited mina@example.com',
    ])
      await see(sentence)
    const downloading = page.waitForEvent('download')
    await hand.follow('CSV')
    const csv = readFileSync(await (await downloading).path(), 'utf8')
    const rows: Record<string, string>[] = parseCsv(csv, { columns: true })
    const changes = rows.filter(({ kind }) => kind === 'change').map(({ action }) => action)
    expect(changes.toReversed()).toEqual(
      expect.arrayContaining(['mailbox.added', 'device.added', 'device.password', 'invitation.made', 'device.disabled', 'device.enabled', 'device.revoked']),
    )
    const attempts = rows.filter(({ kind }) => kind === 'attempt')
    expect(attempts).toContainEqual(
      expect.objectContaining({
        mailbox: OFFICE,
        device: 'Front desk tablet',
        result: 'ok',
        protocol: 'imap',
        ip: '127.0.0.1',
        app: expect.stringContaining('Apple Mail'),
      }),
    )
    expect(rows.map(({ at }) => at)).toEqual(
      rows
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    )
    await mina.smtp.wire.end()
  })
})

interface Way {
  readonly options?: BrowserContextOptions
  readonly language?: Language
  readonly hand?: (page: Page) => Hand
  readonly look?: Look
}

/** Each as somebody who has nothing but this. */
const WAYS: Readonly<Record<(typeof WALKERS)[number], Way>> = {
  french: { options: { locale: 'fr-CH' }, language: 'fr', look: page => expectNoEnglish(page, 'fr') },
  phone: { options: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true } },
  dark: { options: { colorScheme: 'dark' }, look: expectDark },
  keyboard: { options: { viewport: { width: 640, height: 500 } }, hand: page => new TypingHand(page) },
  plain: { options: { javaScriptEnabled: false } },
}

describe('the shorter walk', () => {
  test.concurrent.each(WALKERS)('%s', async name => {
    const { options = {}, language = 'en', hand: handOf = (page: Page) => new PointingHand(page), look } = WAYS[name]
    const open = async () => handOf(await stage.openPage(options))
    const walker: Walker = {
      login: name,
      name: `Walker ${name}`,
      startLink: await stage.addPerson(name, `Walker ${name}`, ['--admin']),
      mailbox: `${name}@example.com`,
      hand: await open(),
      m: messagesOf(language),
      from: `127.0.0.${10 + WALKERS.indexOf(name)}`,
      withoutScript: options.javaScriptEnabled === false,
    }
    const lookAt = async (page: Page) => {
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth'), `${page.url()} scrolls sideways`).toBeLessThanOrEqual(0)
      await look?.(page)
    }
    await walk(stage, walker, lookAt, open)
  })
})

/** Whole sentences of the English pages, as far as the other language says them otherwise. */
async function expectNoEnglish(page: Page, language: Language): Promise<void> {
  const flat = (value: object, path = ''): [string, string][] =>
    Object.entries(value).flatMap(([key, one]) =>
      typeof one === 'string' ? [[`${path}.${key}`, one]] : one?.constructor === Object ? flat(one, `${path}.${key}`) : [],
    )
  const others = new Map(flat(messagesOf(language)))
  const text = (await page.locator('body').textContent()) ?? ''
  const english = flat(messagesOf('en')).filter(([path, sentence]) => sentence.includes(' ') && others.get(path) !== sentence && text.includes(sentence))
  expect(english, page.url()).toEqual([])
  expect(await page.locator('html').getAttribute('lang')).toBe(language)
}

async function expectDark(page: Page): Promise<void> {
  const [background = 255] = (await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).match(/\d+/g)?.map(Number) ?? []
  expect(background, page.url()).toBeLessThan(64)
}

/** Only a signed one that is signed by the certificate of the configuration. */
async function readProfile(path: string): Promise<Record<string, unknown>> {
  const { stdout } = await runOk('openssl', ['cms', '-verify', '-inform', 'DER', '-in', path, '-CAfile', stage.caPath, '-purpose', 'any'], {
    printsSecret: true,
  })
  const profile = parsePlist(stdout) as { PayloadContent: Record<string, unknown>[] }
  return profile.PayloadContent[0] ?? expect.fail('no account in it')
}

/** What the phone does with a profile: nothing but what stands in it. */
async function readAndSend(profile: Record<string, unknown>): Promise<void> {
  const login = (which: 'Incoming' | 'Outgoing') => `${profile[`${which}MailServerUsername`]}:${profile[`${which}Password`]}`
  const server = (which: 'Incoming' | 'Outgoing') => `${profile[`${which}MailServerHostName`]}:${profile[`${which}MailServerPortNumber`]}`
  expect(await byCurl(`imaps://${server('Incoming')}/`, login('Incoming'))).toContain('INBOX')
  await byCurl(`smtps://${server('Outgoing')}`, login('Outgoing'), ['--mail-from', OFFICE, '--mail-rcpt', MINA, '--upload-file', message()])
}

/** The login stands in a file: a command line can be seen by others. */
async function byCurl(url: string, login: string, args: readonly string[] = []): Promise<string> {
  const path = join(stage.gateway.mailwicket.dir, 'curlrc')
  writeFileSync(path, `user = "${login}"\n`, { mode: 0o600 })
  return await stage.curl('--config', path, ...args, url)
}

function message(): string {
  const path = join(stage.gateway.mailwicket.dir, 'message')
  writeFileSync(path, 'Subject: from an app\r\n\r\nhello\r\n')
  return path
}
