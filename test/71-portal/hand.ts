/** How somebody works the pages: with a pointer, or by keyboard alone. Everything is found by what it says. */
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

export interface Hand {
  readonly page: Page
  press(button: string): Promise<void>
  follow(link: string): Promise<void>
  /** A function: what is typed is made when the hand is there. */
  fill(label: string, text: string | (() => Promise<string>)): Promise<void>
  /** A radio button or a check box. */
  choose(label: string): Promise<void>
  /** A menu, by the name of its button. */
  open(menu: string): Promise<void>
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const startsWith = (text: string): RegExp => new RegExp(`^\\s*${escaped(text)}`)

const finders = {
  button: (page: Page, name: string) => page.getByRole('button', { name, exact: true }).filter({ visible: true }).first(),
  link: (page: Page, name: string) => page.getByRole('link', { name, exact: true }).filter({ visible: true }).first(),
  field: (page: Page, label: string) => page.locator('main').getByLabel(label, { exact: true }).first(),
  /** Their labels have an explanation behind them. */
  choice: (page: Page, label: string) => page.locator('main').getByLabel(startsWith(label)).first(),
  menu: (page: Page, name: string) =>
    page
      .locator('summary')
      .and(page.getByLabel(name, { exact: true }).or(page.locator('summary', { hasText: name })))
      .first(),
} as const

export class PointingHand implements Hand {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  async press(button: string): Promise<void> {
    await finders.button(this.page, button).click()
  }

  async follow(link: string): Promise<void> {
    await finders.link(this.page, link).click()
  }

  async fill(label: string, text: string | (() => Promise<string>)): Promise<void> {
    const field = finders.field(this.page, label)
    await field.waitFor()
    await field.fill(typeof text === 'string' ? text : await text())
  }

  async choose(label: string): Promise<void> {
    await finders.choice(this.page, label).check()
  }

  async open(menu: string): Promise<void> {
    await finders.menu(this.page, menu).click()
  }
}

/** More stops than any page of the walk has. */
const MOST_STOPS = 120

/** Tab, arrows, space and return. At every stop the focus must be seen, and lie behind the one before. */
export class TypingHand implements Hand {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  async press(button: string): Promise<void> {
    await this.#reach(finders.button(this.page, button), button)
    await this.page.keyboard.press('Space')
  }

  async follow(link: string): Promise<void> {
    await this.#reach(finders.link(this.page, link), link)
    await this.page.keyboard.press('Enter')
  }

  async fill(label: string, text: string | (() => Promise<string>)): Promise<void> {
    await this.#reach(finders.field(this.page, label), label)
    await this.page.keyboard.press('ControlOrMeta+a')
    await this.page.keyboard.insertText(typeof text === 'string' ? text : await text())
  }

  async choose(label: string): Promise<void> {
    const field = finders.choice(this.page, label)
    const group =
      (await field.getAttribute('type')) === 'radio' ? this.page.locator(`input[type=radio][name="${await field.getAttribute('name')}"]:checked`) : field
    await this.#reach(group, label)
    if (group === field) return await this.page.keyboard.press('Space')
    for (let stop = 0; stop < MOST_STOPS && !(await field.isChecked()); stop += 1) await this.page.keyboard.press('ArrowDown')
  }

  async open(menu: string): Promise<void> {
    await this.#reach(finders.menu(this.page, menu), menu)
    await this.page.keyboard.press('Enter')
  }

  async #reach(target: Locator, name: string): Promise<void> {
    await target.waitFor({ state: 'attached' })
    const wanted = await target.elementHandle()
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      const here = await wanted?.evaluate(element => element === element.ownerDocument.activeElement)
      if (here === true) return
      await this.page.keyboard.press('Tab')
      expect(await this.page.evaluate<string>(LOOK_AT_FOCUS), `focus on the way to “${name}” at ${this.page.url()}`).toBe('seen')
    }
    throw new Error(`${this.page.url()}: the tab key does not lead to “${name}”`)
  }
}

/**
 * Whether the focus can be seen: an outline, of the element or of the label that stands for it, that nothing covers; and whether it came after the
 * one before. Says what is wrong, or `seen`.
 */
const LOOK_AT_FOCUS = `(() => {
  const focused = document.activeElement
  if (focused === null || focused === document.body) return 'seen'
  const named = focused.tagName + ' ' + (focused.getAttribute('aria-label') ?? focused.name ?? '') + ' ' + (focused.textContent ?? '').trim().slice(0, 40)
  const shown = focused.closest('label') ?? focused
  const outlined = [focused, shown].some(element => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
  })
  if (!outlined) return 'no outline: ' + named
  const box = shown.getBoundingClientRect()
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 20)]
  const top = document.elementFromPoint(x, y)
  if (top === null) return 'outside of the window: ' + named
  if (!shown.contains(top) && !top.contains(shown)) return 'covered by ' + top.tagName + '.' + top.className + ': ' + named
  const before = window.focusedBefore
  window.focusedBefore = focused
  if (before?.isConnected && !(before.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING)) {
    const first = document.querySelector('a[href], button, input, summary')
    if (first !== focused) return 'goes back to ' + named
  }
  return 'seen'
})()`
