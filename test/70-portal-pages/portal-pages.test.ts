/**
 * Every page of the portal in Debian's Chromium, with the real style sheet, scripts and content security policy: nothing that axe finds, in light and
 * dark; nothing that scrolls sideways at 320 pixels; and what the scripts promise.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD } from '../../portal/views/gallery/devices-fixture.ts'
import { galleryPages } from '../../portal/views/gallery/gallery-fixture.ts'
import { type GalleryServer, startGallery } from './gallery-server.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let gallery: GalleryServer
let browser: Browser
beforeAll(async () => {
  gallery = await startGallery()
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
})
afterAll(async () => {
  await browser?.close()
  await gallery?.close()
})

async function inBrowser<Result>(options: BrowserContextOptions, use: (page: Page) => Promise<Result>): Promise<Result> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  try {
    return await use(await context.newPage())
  } finally {
    await context.close()
  }
}

/** Runs through the debugger, where the page's policy does not hold: it stays as it is. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { axe: tool } = globalThis as unknown as {
      axe: { run(): Promise<{ passes: unknown[]; violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> }
    }
    const { violations: found, passes } = await tool.run()
    if (passes.length === 0) throw new Error('axe looked at nothing')
    return found.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary.replaceAll('\n', ' ').slice(0, 200)}`))
  })
}

describe.each(['light', 'dark'] as const)('in %s', colorScheme => {
  test('axe finds nothing on any page, and the policy stops nothing', { timeout: 600_000 }, async () => {
    const found = await inBrowser({ colorScheme, viewport: { width: 1280, height: 800 } }, async page => {
      const all: string[] = []
      page.on('console', message => {
        if (/Content Security Policy|Uncaught|SyntaxError/.test(message.text())) all.push(`${page.url()}: ${message.text()}`)
      })
      page.on('pageerror', error => all.push(`${page.url()}: ${error.message}`))
      for (const { name } of galleryPages) {
        await page.goto(`${gallery.url}/${name}`)
        all.push(...(await violations(page)).map(text => `${name}: ${text}`))
      }
      return all
    })
    expect(found).toEqual([])
  })
})

test.each(['en', 'fr', 'de'])('no page scrolls sideways at 320 pixels: %s', { timeout: 600_000 }, async language => {
  const wide = await inBrowser({ viewport: { width: 320, height: 640 } }, async page => {
    const found: string[] = []
    for (const { name } of galleryPages) {
      await page.goto(`${gallery.url}/${name}?language=${language}`)
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      if (width > 320) found.push(`${name}: ${width}`)
    }
    return found
  })
  expect(wide).toEqual([])
})

describe('scripts', () => {
  test('the password is copied whole, with its dashes', async () => {
    const copied = await inBrowser({ permissions: ['clipboard-read', 'clipboard-write'] }, async page => {
      await page.goto(`${gallery.url}/device-password`)
      await page.getByRole('button', { name: 'Copy', exact: true }).click()
      await page.locator('#copy-said', { hasText: 'Copied' }).waitFor({ state: 'attached' })
      return page.evaluate<string>('navigator.clipboard.readText()')
    })
    expect(copied).toBe(PASSWORD)
  })

  test('a page that is left holds no password any more', async () => {
    const left = await inBrowser({}, async page => {
      await page.goto(`${gallery.url}/device-password`)
      await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
      return page.content()
    })
    for (const secret of [PASSWORD, ...PASSWORD.split('-')]) expect(left).not.toContain(secret)
  })

  test('menus close on Escape and on a click beside them', async () => {
    await inBrowser({}, async page => {
      await page.goto(`${gallery.url}/devices`)
      const menu = page.locator('details.menu', { has: page.getByLabel('Actions for Anna’s iPhone') })
      const isOpen = () => menu.evaluate(element => (element as unknown as { open: boolean }).open)
      await page.getByLabel('Actions for Anna’s iPhone').click()
      expect(await isOpen()).toBe(true)
      await page.keyboard.press('Escape')
      expect(await isOpen()).toBe(false)
      await page.getByLabel('Actions for Anna’s iPhone').click()
      await page.locator('h1').click()
      expect(await isOpen()).toBe(false)
    })
  })

  test('the strength of a password is said while it is typed', async () => {
    await inBrowser({}, async page => {
      await page.goto(`${gallery.url}/account-password`)
      await page.getByLabel('New password').fill('password')
      await page.getByText('Strength: very weak').waitFor()
      await page.getByLabel('New password').fill('seven grey herons over Sils')
      await page.getByText('Strength: very good').waitFor()
    })
  })
})

describe('without script', () => {
  test('the app is chosen, and nothing is offered that cannot work', async () => {
    await inBrowser({ javaScriptEnabled: false }, async page => {
      await page.goto(`${gallery.url}/device-password`)
      expect(await page.getByRole('button', { name: 'Copy', exact: true }).isVisible()).toBe(false)
      expect(await page.getByRole('link', { name: 'See whether it has connected' }).isVisible()).toBe(true)
      await page.getByLabel('Something else').check()
      expect(await page.getByText('993, SSL/TLS').last().isVisible()).toBe(true)
      await page.goto(`${gallery.url}/sign-in`)
      // Playwright's search for text passes over <noscript>.
      expect(await page.locator('noscript p').isVisible()).toBe(true)
    })
  })
})

test('docs/pictures has every page in light, dark and on a phone, and no page that is gone', () => {
  const expected = galleryPages.flatMap(({ name }) => ['dark', 'light', 'phone'].map(look => `${name}-${look}.png`))
  // What is missing: node test/70-portal-pages/take-pictures.ts docs/pictures NAME
  expect(readdirSync(new URL('../../docs/pictures', import.meta.url)).sort()).toEqual(expected.sort())
})
