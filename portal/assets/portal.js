/**
 * On every page: menus close, relative times stay fresh, a form is sent once. Nothing here is needed: without script menus close by their own button,
 * times are as the server wrote them, and a second submit is caught by the token in the form.
 */
const menus = () => document.querySelectorAll('details.menu[open]')

document.addEventListener('click', event => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false
})

document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return
  for (const menu of menus()) {
    menu.open = false
    menu.querySelector('summary')?.focus()
  }
})

// Of a row of tabs that is wider than the window, the one of this page is seen.
for (const tab of document.querySelectorAll('.tabs a[aria-current]')) {
  const row = tab.parentElement.closest('.tabs')
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2
}

// The server's clock made the text; from then on only what passed here counts, so a wrong clock in the browser changes nothing.
const MINUTE_MS = 60_000
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE_MS],
]
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: 'always' })

function refreshTimes() {
  for (const time of document.querySelectorAll('time[data-ago]')) {
    // Also a time that a search brought later.
    time.shownAt ??= performance.now()
    const shownFor = performance.now() - time.shownAt
    const age = Number(time.dataset.ago) + shownFor
    const [unit, size] = UNITS.find(([, ms]) => age >= ms) ?? []
    if (unit === undefined || shownFor < MINUTE_MS) continue
    const text = relative.format(-Math.trunc(age / size), unit)
    time.textContent = time.dataset.capital === undefined ? text : text.charAt(0).toLocaleUpperCase() + text.slice(1)
  }
}
refreshTimes()
setInterval(refreshTimes, MINUTE_MS)

document.addEventListener('submit', event => {
  const form = event.target
  if (event.defaultPrevented || form.method !== 'post') return
  if (form.sent) event.preventDefault()
  form.sent = true
  // A download leaves the page where it is.
  setTimeout(() => {
    form.sent = false
  }, 3_000)
})
// From the back-forward cache the forms are fresh.
addEventListener('pageshow', event => {
  if (event.persisted) for (const form of document.forms) form.sent = false
})
