/**
 * Passkeys in Debian's Chromium with its virtual authenticator, at a running portal under https: added, signed in with, confirmed with, told apart,
 * removed; and what a copied key, a page of another origin, and a key that did not verify its user get.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { patient } from '../fixtures/deadline.ts'
import { registerSecret } from '../fixtures/marker-secrets.ts'
import { Mailwicket } from '../fixtures/program/mailwicket.ts'
import { addPerson, addPortal } from '../fixtures/program/served-portal.ts'

const password = 'the boss signs in with this'
let gateway: Mailwicket
let url: string
let startLink: string
/** A page of another server on the same host: passkeys of `localhost` are offered there, too. */
let elsewhere: Server
let otherOrigin: string
let browser: Browser
let context: BrowserContext
let page: Page
let debugging: CDPSession
let authenticator: string

/** As the debugger protocol has it. */
type Credential = Awaited<ReturnType<typeof credentials>>[number]
/** The passkey named Laptop, as it was when it was copied. */
let copy: Credential

beforeAll(async () => {
  gateway = await Mailwicket.open({ upstreams: [{ name: 'main', domains: ['example.com'], address: 'localhost:1', tls: 'none' }] })
  url = await addPortal(gateway, { tls: 'implicit' })
  registerSecret(password)
  startLink = await addPerson(gateway, ['boss', '--name', 'The Boss', '--admin'])
  await gateway.serve()
  const [cert, key] = [gateway.certificate.cert, gateway.certificate.key].map(file => readFileSync(file))
  elsewhere = createServer({ cert, key }, (_, response) => response.setHeader('content-type', 'text/html').end('<title>Elsewhere'))
  await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve))
  otherOrigin = `https://localhost:${(elsewhere.address() as AddressInfo).port}`
  // Chromium makes no passkeys under a certificate that it doubts: this key is to be as good as one of a known authority.
  const { publicKey } = new X509Certificate(cert ?? '')
  const pin = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', `--ignore-certificate-errors-spki-list=${pin}`],
  })
  context = await browser.newContext()
  // The field offers passkeys by itself, and the virtual user touches at once what is offered: only where a test wants that.
  await context.addInitScript("if (!location.search.includes('by-itself')) PublicKeyCredential.isConditionalMediationAvailable = async () => false")
  page = await context.newPage()
  page.setDefaultTimeout(patient(5_000))
  debugging = await context.newCDPSession(page)
  await debugging.send('WebAuthn.enable')
  authenticator = await addAuthenticator()
})

afterAll(async () => {
  await browser?.close()
  elsewhere?.close()
  await gateway?.close()
})

/** One that has its user put a finger on it as soon as it is asked. */
async function addAuthenticator(): Promise<string> {
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true } as const
  const { authenticatorId } = await debugging.send('WebAuthn.addVirtualAuthenticator', { options })
  return authenticatorId
}

async function credentials() {
  return (await debugging.send('WebAuthn.getCredentials', { authenticatorId: authenticator })).credentials
}

const insert = (credential: Credential) => debugging.send('WebAuthn.addCredential', { authenticatorId: authenticator, credential })
const take = ({ credentialId }: Credential) => debugging.send('WebAuthn.removeCredential', { authenticatorId: authenticator, credentialId })
const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
const seeServices = () => page.getByRole('heading', { name: 'Mail services' }).waitFor()

async function signOut(): Promise<void> {
  await page.goto(`${url}/account`)
  await page.locator('header summary').click()
  await press('Sign out')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
}

/** So long that the portal asks who one is. */
function letConfirmationEnd(): void {
  const database = new DatabaseSync(join(gateway.dir, 'mailwicket.db'), { timeout: 60_000 })
  database.exec('update portal_sessions set confirmed_at = confirmed_at - 300000')
  database.close()
}

test('the administrator adds a passkey, which is the second step that was due', async () => {
  await page.goto(startLink)
  await page.getByLabel('New password').fill(password)
  await page.getByLabel('The same once more').fill(password)
  await press('Continue')
  await page.getByText('Set up a second step now').waitFor()
  await page.goto(`${url}/account/passkeys`)
  await page.getByLabel('Name').fill('Laptop')
  await press('Add a passkey')
  await page.getByText('The passkey Laptop is added.').waitFor()
  await page.goto(url)
  await seeServices()
})

test('one more on the same authenticator is not made', async () => {
  await page.goto(`${url}/account/passkeys`)
  await page.getByLabel('Name').fill('Laptop again')
  await press('Add a passkey')
  await page.getByText('That did not work.').waitFor()
  expect(await credentials()).toHaveLength(1)
})

test('it signs in, as both steps: by the button, and at the field by itself', async () => {
  await signOut()
  await press('Sign in with a passkey')
  await seeServices()
  await signOut()
  await page.goto(`${url}/sign-in?to=/people&by-itself`)
  await page.getByRole('heading', { name: 'People' }).waitFor()
})

test('it is the second step after the password', async () => {
  await signOut()
  await page.getByLabel('User name or e-mail').fill('boss')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press('Sign in')
  await press('Use a passkey')
  await seeServices()
})

test('it confirms, and what waited goes on', async () => {
  letConfirmationEnd()
  await page.goto(`${url}/people/+new`)
  await page.getByLabel('User name or e-mail').fill('paul')
  await press('Add the person')
  await press('Confirm with your passkey')
  const link = await page.getByLabel('Link', { exact: true }).inputValue()
  registerSecret(link.split('/').at(-1) ?? expect.fail('no link'))
})

test('a copied key, whose counter lags behind, is refused, and the true one goes on', async () => {
  await signOut()
  copy = (await credentials())[0] ?? expect.fail('no passkey')
  await take(copy)
  await insert({ ...copy, signCount: 1 })
  await press('Sign in with a passkey')
  await page.getByText('That passkey did not fit.').waitFor()
  await take(copy)
  await insert({ ...copy, signCount: copy.signCount + 10 })
  await press('Sign in with a passkey')
  await seeServices()
})

/** What a page of `origin` gets from the passkey for a challenge of the portal, sent to the portal by hand. */
async function answerFrom(origin: string, userVerification: 'required' | 'discouraged'): Promise<Record<string, unknown>> {
  const headers = { origin: url, accept: 'application/json' }
  const asked = await context.request.post(`${url}/sign-in/passkey/options`, { headers, ignoreHTTPSErrors: true, data: {} })
  const { challenge } = (await asked.json()) as { challenge: string }
  await page.goto(`${origin}/healthz`)
  const response = await page.evaluate<Record<string, unknown>>(`
    const challenge = Uint8Array.from(atob('${challenge}'.replaceAll('-', '+').replaceAll('_', '/')), one => one.charCodeAt(0))
    navigator.credentials.get({ publicKey: { challenge, rpId: 'localhost', userVerification: '${userVerification}' } }).then(credential => credential.toJSON())`)
  const sent = await context.request.post(`${url}/sign-in/passkey`, { headers, ignoreHTTPSErrors: true, data: { response } })
  return (await sent.json()) as Record<string, unknown>
}

test('an answer that was made for a page of another origin is refused', async () => {
  await signOut()
  expect(await answerFrom(otherOrigin, 'required')).toEqual({ problem: 'That passkey did not fit.' })
  expect(await answerFrom(url, 'required')).toEqual({ to: '/' })
})

test('an answer without verification of the user is refused', async () => {
  await signOut()
  expect(await answerFrom(url, 'discouraged')).toEqual({ problem: 'That passkey did not fit.' })
  expect(await answerFrom(url, 'required')).toEqual({ to: '/' })
})

test('two are told apart by using one, and one that was removed signs nobody in', async () => {
  copy = (await credentials())[0] ?? expect.fail('no passkey')
  await debugging.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: authenticator })
  authenticator = await addAuthenticator()
  await page.goto(`${url}/account/passkeys`)
  await page.getByLabel('Name').fill('laptop')
  await press('Add a passkey')
  await page.getByText('You have a passkey of this name already.').waitFor()
  await page.getByLabel('Name').fill('Key')
  // What was made in vain lies in the authenticator.
  for (const one of await credentials()) await take(one)
  await press('Add a passkey')
  await page.getByText('The passkey Key is added.').waitFor()
  await press('Use a passkey')
  await page.locator('li.lit', { hasText: 'Key' }).waitFor()

  letConfirmationEnd()
  await page.getByLabel('Actions for Laptop').click()
  await page.locator('li', { hasText: 'Laptop' }).getByRole('button', { name: 'Remove' }).click()
  await press('Confirm with your passkey')
  await page.getByText('The passkey Laptop is removed.').waitFor()

  await signOut()
  const [key] = await credentials()
  if (key === undefined) return expect.fail('no passkey')
  await take(key)
  await insert({ ...copy, signCount: copy.signCount + 10 })
  await press('Sign in with a passkey')
  await page.getByText('That passkey did not fit.').waitFor()
  await take(copy)
  await insert(key)
  await press('Sign in with a passkey')
  await seeServices()
})

test('the last one stays where a second step is demanded', async () => {
  await page.goto(`${url}/account/passkeys`)
  await page.getByLabel('Actions for Key').click()
  await page.locator('li', { hasText: 'Key' }).getByRole('button', { name: 'Remove' }).click()
  await page.getByText('You need a second step.').waitFor()
})

test('a search follows what is typed, and so do the filters beside it', async () => {
  await page.goto(`${url}/people`)
  await page.getByRole('searchbox').last().pressSequentially('pau')
  await page.waitForURL(/\/people\?q=pau$/)
  await page.locator('[data-results] li', { hasText: 'The Boss' }).waitFor({ state: 'detached' })
  expect(await page.locator('ul.ppl li').allInnerTexts()).toEqual([expect.stringContaining('paul')])
  expect(await page.getByRole('navigation', { name: 'Show' }).getByRole('link').first().getAttribute('href')).toBe('/people?q=pau')
  await page.getByRole('searchbox').last().fill('')
  await page.locator('ul.ppl li', { hasText: 'The Boss' }).waitFor()
})
