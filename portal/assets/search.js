/** Lists that follow what is typed: the same address that the form would open, and only the element `data-results` of its answer is taken. */
const PAUSE_MS = 250

for (const form of document.querySelectorAll('form[data-search]')) {
  const input = form.querySelector('input[type=search]')
  let timer
  let asked
  input?.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(look, PAUSE_MS)
  })
  async function look() {
    asked?.abort()
    asked = new AbortController()
    const address = new URL(form.action)
    for (const [name, value] of new FormData(form)) if (value !== '') address.searchParams.set(name, value)
    try {
      const answer = await fetch(address, { signal: asked.signal, headers: { accept: 'text/html' } })
      if (!answer.ok || answer.redirected) return
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const results = page.querySelector('[data-results]')
      if (results === null) return
      document.querySelector('[data-results]')?.replaceWith(document.adoptNode(results))
      history.replaceState(null, '', address)
    } catch {
      // Typed on, or offline: the button still works.
    }
  }
}
