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

async function run(box, webAuthn, conditional) {
  const { passkey, options, answer, nameField, failed } = box.dataset
  const status = box.querySelector('[role=status]')
  try {
    const name = nameField === undefined ? undefined : document.getElementById(nameField)?.value
    const sent = { ...carried(box), ...(name !== undefined && { name }) }
    const optionsJSON = await post(options, sent)
    if (optionsJSON.problem !== undefined) throw new Error(optionsJSON.problem)
    const response =
      passkey === 'register'
        ? await webAuthn.startRegistration({ optionsJSON })
        : await webAuthn.startAuthentication({ optionsJSON, useBrowserAutofill: conditional })
    const result = await post(answer, { ...sent, response })
    if (typeof result.to === 'string' && /^\/(?!\/)/.test(result.to)) location.assign(result.to)
    else if (status !== null) status.textContent = result.problem ?? failed
  } catch (error) {
    // Closing the browser's own window is no failure.
    if (!conditional && status !== null && error?.name !== 'NotAllowedError' && error?.name !== 'AbortError') status.textContent = failed
  }
}

for (const box of document.querySelectorAll('[data-passkey]')) {
  if (globalThis.PublicKeyCredential === undefined || !isSecureContext) continue
  box.hidden = false
  box.querySelector('button')?.addEventListener('click', async () => run(box, await library(box.dataset.library), false))
  if (box.dataset.conditional !== undefined) {
    library(box.dataset.library)
      .then(async webAuthn => (await webAuthn.browserSupportsWebAuthnAutofill()) && run(box, webAuthn, true))
      .catch(() => {})
  }
}
