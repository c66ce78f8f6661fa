/**
 * Pictures of every page: `node test/70-portal-pages/take-pictures.ts FOLDER [NAME…]`. Light, dark, phone; with names only those pages. Their colours are
 * reduced to a small palette by Debian's `pngquant`, so that the folder of all of them (`docs/pictures`) can lie in the repository.
 */
import { spawnSync } from 'node:child_process'
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

/** With fewer the small coloured things (avatars, chips, the ring of the label) turn grey; with more the files grow and look the same. */
const COLOURS = 32

function reduce(files: readonly string[]): void {
  const { error, status, stderr } = spawnSync('pngquant', ['--nofs', '--speed', '8', '--strip', '--force', '--ext', '.png', String(COLOURS), '--', ...files])
  if (error !== undefined) throw new Error('Debian’s package pngquant is needed', { cause: error })
  if (status !== 0) throw new Error(`pngquant: ${stderr}`)
}

mkdirSync(folder, { recursive: true })
const gallery = await startGallery()
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
for (const { look, width, height, colorScheme } of LOOKS) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const files: string[] = []
  page.on('console', message => message.type() === 'error' && console.error(look, page.url(), message.text()))
  for (const { name } of galleryPages.filter(({ name }) => names.length === 0 || names.includes(name))) {
    await page.goto(`${gallery.url}/${name}`)
    // As high as the page: bars that stick to the window then lie at its ends.
    const pageHeight = await page.evaluate<number>('document.documentElement.scrollHeight')
    await page.setViewportSize({ width, height: Math.max(height, pageHeight) })
    await page.evaluate('scrollTo(0, 0)')
    const path = `${folder}/${name}-${look}.png`
    await page.screenshot({ path, fullPage: true })
    files.push(path)
    await page.setViewportSize({ width, height })
  }
  await context.close()
  reduce(files)
}
await browser.close()
await gallery.close()
