/** Passkeys: buttons marked `data-passkey` work with the WebAuthn library, which is loaded from our own address. */
const library = src =>
  new Promise((resolve, reject) => {
    if (globalThis.SimpleWebAuthnBrowser !== undefined) return resolve(globalThis.SimpleWebAuthnBrowser)
    const script = Object.assign(document.createElement('script'), { src, onload: () => resolve(globalThis.SimpleWebAuthnBrowser), onerror: reject })
    document.head.append(script)
  })

async function post(address, body) {
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  })
  return await answer.json()
}

/** What a form around the button carries along: where to go, what waits. */
function carried(box) {
  const form = box.closest('form')
  if (form === null) return {}
  return Object.fromEntries([...new FormData(form)].filter(([name]) => ['to', 'kept', 'waiting', 'once'].includes(name)))
}

/** The newest challenge of this browser counts, and its cookie is one: whoever asks waits until the one before has its answer. */
let asking = Promise.resolve()
function ask(options, sent) {
  const asked = asking.then(() => post(options, sent))
  asking = asked.catch(() => {})
  return asked
}

/** One ceremony at a time: what was begun last goes on. */
let latest

async function run(box, webAuthn, conditional) {
  const mine = Symbol('ceremony')
  latest = mine
  webAuthn.WebAuthnAbortService.cancelCeremony()
  const { passkey, options, answer, nameField, failed } = box.dataset
  const status = box.querySelector('[role=status]')
  const say = text => {
    if (status !== null) status.textContent = text
  }
  try {
    const name = nameField === undefined ? undefined : document.getElementById(nameField)?.value
    const sent = { ...carried(box), ...(name !== undefined && { name }) }
    const optionsJSON = await ask(options, sent)
    if (latest !== mine) return
    if (optionsJSON.problem !== undefined) return conditional ? undefined : say(optionsJSON.problem)
    const response =
      passkey === 'register'
        ? await webAuthn.startRegistration({ optionsJSON })
        : await webAuthn.startAuthentication({ optionsJSON, useBrowserAutofill: conditional })
    const result = await post(answer, { ...sent, response })
    if (typeof result.to === 'string' && /^\/(?!\/)/.test(result.to)) location.assign(result.to)
    else say(result.problem ?? failed)
  } catch (error) {
    // Closing the browser's own window is no failure.
    if (!conditional && error?.name !== 'NotAllowedError' && error?.name !== 'AbortError') say(failed)
  }
}

/** A challenge holds five minutes; a page on which one may sign in stays open for hours. */
const RENEW_MS = 4 * 60_000

/** The browser offers passkeys at the field by itself, as long as no button was pressed. */
async function offer(box) {
  const webAuthn = await library(box.dataset.library)
  if (!(await webAuthn.browserSupportsWebAuthnAutofill())) return
  let renewAt = 0
  const renew = () => {
    // The challenge of the page that is seen is the one that counts.
    if (document.visibilityState !== 'visible' || performance.now() < renewAt) return
    renewAt = performance.now() + RENEW_MS
    run(box, webAuthn, true)
  }
  const timer = setInterval(renew, RENEW_MS / 8)
  document.addEventListener('visibilitychange', renew)
  box.querySelector('button')?.addEventListener('click', () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', renew)
  })
  renew()
}

for (const box of document.querySelectorAll('[data-passkey]')) {
  if (globalThis.PublicKeyCredential === undefined || !isSecureContext) continue
  box.hidden = false
  box.querySelector('button')?.addEventListener('click', async () => run(box, await library(box.dataset.library), false))
  if (box.dataset.conditional !== undefined) offer(box).catch(() => {})
}
