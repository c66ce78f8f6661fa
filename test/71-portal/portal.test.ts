/**
 * A device from the browser to the mail app and back: an administrator with an authenticator app, Debian's Chromium, a real Dovecot behind the gateway.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { generate } from 'otplib'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { patient } from '../fixtures/deadline.ts'
import { Dovecot } from '../fixtures/dovecot.ts'
import { Mailwicket, upstreamOf } from '../fixtures/mailwicket.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { logIn } from '../fixtures/raw-imap.ts'

const user = 'office@example.com'
const password = 'the boss signs in with this'
let dovecot: Dovecot
let gateway: Mailwicket
let browser: Browser
let page: Page
let url: string
let startLink: string

beforeAll(async () => {
  dovecot = await Dovecot.open({ users: { [user]: 'upstream+secret/71' } })
  gateway = await Mailwicket.open({ upstreams: [upstreamOf(dovecot)] })
  await gateway.addMailboxOf(dovecot, user)
  const port = await findFreePort()
  url = `http://localhost:${port}`
  writeFileSync(gateway.configPath, `${readFileSync(gateway.configPath, 'utf8')}\n[portal]\naddress = "127.0.0.1:${port}"\nurl = "${url}"\n`)
  registerSecret(password)
  startLink = (await gateway.json<{ startLink: string }>(['user', 'add', 'boss', '--name', 'The Boss', '--admin'], { printsSecret: true })).startLink
  registerSecret(startLink.split('/').at(-1) ?? '')
  await gateway.serve()
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
  page = await browser.newPage()
  page.setDefaultTimeout(patient(20_000))
})

afterAll(async () => {
  await browser?.close()
  await gateway?.close()
  await dovecot?.stop()
})

const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

test('an administrator begins with a link, sets up an authenticator app, and signs in with it', async () => {
  await page.goto(startLink)
  await page.getByLabel('New password').fill(password)
  await page.getByLabel('The same once more').fill(password)
  await press('Continue')
  await page.getByText('Set up a second step now').waitFor()
  await page.goto(`${url}/account/totp`)
  const secret = ((await page.locator('code[data-secret]').textContent()) ?? '').replace(/\s/g, '')
  registerSecret(secret)
  await page.getByLabel('Type the six digits it shows').fill(await generate({ secret }))
  await page.getByLabel('I have kept the recovery codes').check()
  await press('Turn on')
  await page.getByText('The authenticator app is on.').waitFor()
  await page.locator('header summary').click()
  await press('Sign out')
  await page.getByLabel('User name or e-mail').fill('boss')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press('Sign in')
  // The next code: the one of just now was used.
  await page.getByLabel('Code from your authenticator app').fill(await generate({ secret, epoch: Math.floor(Date.now() / 1000) + 30 }))
  await press('Continue')
  await page.getByRole('heading', { name: 'Mail services' }).waitFor()
})

test('a device that was added in the browser connects, is seen at once, and is gone when it is disconnected', async () => {
  await page.goto(`${url}/m/${encodeURIComponent(user)}/devices`)
  await page.getByText('The gate is closed').waitFor()
  await page.getByRole('link', { name: 'Add a device' }).click()
  await page.getByLabel('Name').fill('Front desk tablet')
  await press('Continue')
  await page.getByRole('heading', { name: 'Here is the password' }).waitFor()
  const shown = ((await page.locator('#pw').textContent()) ?? '').replace(/\s/g, '')
  registerSecret(shown)
  expect(shown).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}$/)

  const session = await logIn(gateway.account(user, shown))
  await session.ok('SELECT INBOX')
  await page.getByText('Front desk tablet is connected.').waitFor()

  await page.getByRole('link', { name: 'I have saved it' }).click()
  await page.getByText('Connected now').first().waitFor()
  await page.goBack()
  await page.getByText('That password was shown once').waitFor()
  expect(await page.content()).not.toContain(shown)

  await page.getByRole('link', { name: 'To the devices' }).click()
  await page.getByRole('link', { name: 'Front desk tablet' }).click()
  await page.getByText('Reading (IMAP)').waitFor()
  await page.getByRole('link', { name: 'Disconnect' }).first().click()
  await press('Disconnect')
  await page.getByText('Front desk tablet is disconnected. 1 session ended.').waitFor()
  await session.readToEnd(patient(10_000))
  await expect(logIn(gateway.account(user, shown))).rejects.toThrow(/AUTHENTICATIONFAILED|NO /)
})

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
