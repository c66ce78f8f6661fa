/** Pictures of every page: `node test/70-portal-pages/take-pictures.ts FOLDER [NAME…]`. Light, dark, phone; with names only those pages. */
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { galleryPages } from '../../portal/views/gallery/gallery-fixture.ts'
import { startGallery } from './gallery-server.ts'

const [folder = 'pictures', ...names] = process.argv.slice(2)
const LOOKS = [
  { look: 'light', width: 1280, height: 800, colorScheme: 'light' },
  { look: 'dark', width: 1280, height: 800, colorScheme: 'dark' },
  { look: 'phone', width: 390, height: 844, colorScheme: 'light' },
] as const

mkdirSync(folder, { recursive: true })
const gallery = await startGallery()
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
for (const { look, width, height, colorScheme } of LOOKS) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.on('console', message => message.type() === 'error' && console.error(look, page.url(), message.text()))
  for (const { name } of galleryPages.filter(({ name }) => names.length === 0 || names.includes(name))) {
    await page.goto(`${gallery.url}/${name}`)
    // As high as the page: bars that stick to the window then lie at its ends.
    const pageHeight = await page.evaluate<number>('document.documentElement.scrollHeight')
    await page.setViewportSize({ width, height: Math.max(height, pageHeight) })
    await page.evaluate('scrollTo(0, 0)')
    await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: true })
    await page.setViewportSize({ width, height })
  }
  await context.close()
}
await browser.close()
await gallery.close()
