/** Lists that follow what is typed: the same address that the form would open; of its answer the elements `data-results` are taken: list and filters. */
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
      const fresh = [...page.querySelectorAll('[data-results]')]
      const shown = [...document.querySelectorAll('[data-results]')]
      if (fresh.length !== shown.length) return
      for (const [at, element] of shown.entries()) element.replaceWith(document.adoptNode(fresh[at]))
      history.replaceState(null, '', address)
    } catch {
      // Typed on, or offline: the button still works.
    }
  }
}
