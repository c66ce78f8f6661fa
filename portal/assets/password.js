/** Where something secret stands: copy buttons, select on a click, and nothing left when the page is hidden. */
const said = document.getElementById('copy-said')
const textOf = element =>
  'value' in element ? element.value : (element.textContent ?? '').trim().replace(/[ \t\n]+/g, element.id === 'recovery-codes' ? '\n' : ' ')

function select(element) {
  if ('select' in element) return element.select()
  const range = document.createRange()
  range.selectNodeContents(element)
  const selection = getSelection()
  selection.removeAllRanges()
  selection.addRange(range)
}

async function copy(element) {
  // Only in a secure context; over plain http the old way still works, and where nothing does the text is selected.
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(textOf(element))
      return true
    } catch {
      // Refused: the next way.
    }
  }
  select(element)
  return document.execCommand('copy')
}

for (const button of document.querySelectorAll('[data-copy]')) {
  const element = document.getElementById(button.dataset.copy)
  if (element === null) continue
  button.hidden = false
  button.addEventListener('click', async () => {
    const done = await copy(element)
    const text = done ? button.dataset.copied : button.dataset.press
    if (said !== null) said.textContent = text ?? button.closest('[data-copied]')?.dataset.copied ?? ''
    if (!done) said?.classList.remove('vh')
    button.classList.toggle('copied', done)
    setTimeout(() => button.classList.remove('copied'), 2_000)
  })
}

const password = document.getElementById('pw')
password?.addEventListener('click', () => select(password))

// Whatever brings this page back (the back-forward cache, a restored tab) finds it empty.
addEventListener('pagehide', () => {
  for (const element of document.querySelectorAll('[data-secret]')) {
    if ('value' in element) element.value = ''
    else if (element.tagName === 'path') element.removeAttribute('d')
    else element.textContent = ''
    element.removeAttribute('value')
  }
})
addEventListener('pageshow', event => {
  if (event.persisted && document.querySelector('[data-secret]') !== null) location.reload()
})
