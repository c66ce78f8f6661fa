/** Every page in every language: whole, accessible in its markup, without anything inline, and unmoved by hostile text. */
import { describe, expect, test } from 'vitest'
import { LANGUAGES, messagesOf } from '../messages/languages.ts'
import { OUR_ASSETS, PACKAGE_ASSETS } from './asset-names.ts'
import { galleryContext } from './gallery/gallery-context-fixture.ts'
import { galleryPages } from './gallery/gallery-fixture.ts'
import type { GalleryPage } from './gallery/gallery-page-fixture.ts'
import { replaceText } from './gallery/model-text-fixture.ts'

const draw = (page: GalleryPage, language: 'en' | 'fr' | 'de' = 'en', model: unknown = page.model): string =>
  String(page.draw(model, messagesOf(language), galleryContext({ language, reader: page.reader })))

const tagsOf = (text: string): string[] => text.match(/<\/?[a-z][^\s/>]*/gi) ?? []
const attributes = (text: string, name: string): string[] => Array.from(text.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g')), match => match[1] ?? '')

describe.each(galleryPages.map(page => [page.name, page] as const))('%s', (_name, page) => {
  test.each(LANGUAGES)('is a whole page in %s', language => {
    const text = draw(page, language)
    expect(text).toMatch(new RegExp(`^<!doctype html>\\s*<html lang="${language}"`))
    expect(text.match(/<h1[ >]/g)).toHaveLength(1)
    expect(text).toContain('<a class="skip" href="#m">')
    expect(text.match(/<main id="m"/g)).toHaveLength(1)
    expect(text).not.toMatch(/undefined|\[object|NaN|Invalid Date|function|=>/)
  })

  test('holds nothing that the content security policy forbids', () => {
    const text = draw(page)
    expect(text).not.toMatch(/\sstyle=|<style|\son[a-z]+=|javascript:/i)
    for (const script of text.match(/<script[^>]*>[^<]*/g) ?? []) expect(script).toMatch(/^<script type="module" src="\/assets\/[^"]+">$/)
    const assets = [...OUR_ASSETS, ...Object.keys(PACKAGE_ASSETS)].map(name => `/assets/${name}`)
    for (const link of [...attributes(text, 'src'), ...attributes(text, 'data-library'), ...attributes(text, 'data-words')]) expect(assets).toContain(link)
    for (const link of [...attributes(text, 'href'), ...attributes(text, 'action'), ...attributes(text, 'formaction')])
      expect(link).toMatch(/^(?:\/(?!\/)|#|https:\/\/devices\.example\.test\/help$)/)
  })

  test('names every field, and ties what is said about it to it', () => {
    const text = draw(page)
    const ids = attributes(text, 'id')
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
    for (const described of attributes(text, 'aria-describedby').flatMap(list => list.split(' '))) expect(ids).toContain(described)
    for (const label of attributes(text, 'aria-labelledby')) expect(ids).toContain(label)
    for (const label of attributes(text, 'for')) expect(ids).toContain(label)
    for (const copied of attributes(text, 'data-copy')) expect(ids).toContain(copied)
    expect((text.match(/\sautofocus/g) ?? []).length).toBeLessThanOrEqual(1)
  })

  // The same number of characters, and none that a page would take apart: the pages must then have the same elements.
  test.each([
    ['markup', '<script>alert(1)</script>"\'><img src=x onerror=alert(2)> &amp; `${x}`'],
    ['right to left', '\u0645\u0631\u062d\u0628\u0627\u202e \u05e9\u05dc\u05d5\u05dd'],
    ['100 characters', 'W'.repeat(100)],
  ])('stands hostile text everywhere: %s', (_kind, hostile) => {
    const harmless = 'x'.repeat(hostile.length)
    const attacked = draw(
      page,
      'en',
      replaceText(page.model, text => (text === '' ? '' : hostile)),
    )
    const calm = draw(
      page,
      'en',
      replaceText(page.model, text => (text === '' ? '' : harmless)),
    )
    expect(tagsOf(attacked)).toEqual(tagsOf(calm))
    expect(attacked).not.toContain('<script>alert')
    expect(attacked).not.toMatch(/<[^>]*\sonerror=[^>"]*>/)
  })
})

/** What people, and apps and servers of others, call themselves. */
const NAMES =
  /^(name|firstName|address|mailbox|note|domain|domains|servers|server|login|person|user|by|askNames|madeBy|subject|actor|device|app|answer|browser|query)$/

test('a name never stands without a direction of its own', () => {
  const name = '\u0647\u0627\u062a\u0641'
  const bare = galleryPages.flatMap(page => {
    const text = draw(
      page,
      'en',
      replaceText(page.model, (given, key) => (given !== '' && NAMES.test(key) ? name : given)),
    )
    // Attributes and form fields know no <bdi>; the browser gives them a direction.
    const body = text
      .slice(text.indexOf('<body'))
      .replace(/<(option|textarea|title)\b[^>]*>[\s\S]*?<\/\1>/g, '')
      .replace(/<bdi[^>]*>[\s\S]*?<\/bdi>/g, '')
      .replace(/<[^>]*>/g, '|')
    return body.includes(name) ? [`${page.name}: …${body.slice(Math.max(0, body.indexOf(name) - 50), body.indexOf(name) + 20)}`] : []
  })
  expect(bare).toEqual([])
})
