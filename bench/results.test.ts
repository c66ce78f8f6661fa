import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatResults, readResults } from './results.ts'

const root = join(import.meta.dirname, '..')
const made = formatResults(root, readResults(root))

test.each([...made.keys()])('%s is what the results in bench/results/ give: else run `node bench/draw.ts`', path => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(made.get(path))
})

test('the pictures that README and docs/scaling.md show are there, and are made by the bench', () => {
  for (const page of ['README.md', 'docs/scaling.md']) {
    const shown = Array.from(readFileSync(join(root, page), 'utf8').matchAll(/\((?:\.\.\/)?(bench\/results\/[^)]*\.svg)\)/g), match => match[1] ?? '')
    expect(shown.length, page).toBeGreaterThan(0)
    for (const path of shown) {
      expect(existsSync(join(root, path)), path).toBe(true)
      expect([...made.keys()]).toContain(path)
    }
  }
})
