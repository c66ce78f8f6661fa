/** Waits for the first connection of a new device: asks every three seconds for a quarter of an hour, while the page is seen. */
const EVERY_MS = 3_000
const FOR_MS = 15 * 60_000

for (const line of document.querySelectorAll('[data-first]')) {
  const waiting = line.querySelector('[data-waiting]')
  if (waiting !== null) waiting.hidden = false
  const end = performance.now() + FOR_MS
  const ask = async () => {
    if (performance.now() > end || !line.isConnected) return
    if (document.visibilityState === 'visible') {
      try {
        const answer = await fetch(line.dataset.first, { headers: { accept: 'application/json' }, cache: 'no-store' })
        if (answer.status === 200) return show(line, await answer.json())
        if (answer.status !== 204) return
      } catch {
        // Offline for a moment: the next time.
      }
    }
    setTimeout(ask, EVERY_MS)
  }
  setTimeout(ask, EVERY_MS)
}

/** The server made the sentence, in the reader's language: `strong` is its beginning, `text` the rest. */
function show(line, { strong, text }) {
  const bold = document.createElement('b')
  bold.textContent = strong
  const words = document.createElement('div')
  words.append(bold, ` ${text}`)
  line.replaceChildren(...line.querySelectorAll('svg'), words)
  line.className = 'note ok'
}
