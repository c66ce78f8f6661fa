/** Strength of a password while it is typed, and which rules it keeps. The dictionaries (about 250 KB) are loaded when the first letter is typed. */
const CHECKED_CHARACTERS = 64

const script = src =>
  new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: reject }))
  })

let loaded
async function load({ library, words }) {
  await Promise.all([script(library), script(words)])
  const { core, 'language-common': common } = globalThis.zxcvbnts
  return new core.ZxcvbnFactory({ dictionary: { ...common.dictionary }, graphs: common.adjacencyGraphs })
}

for (const box of document.querySelectorAll('[data-strength]')) {
  const input = document.getElementById(box.dataset.strength)
  const meter = box.querySelector('meter')
  const word = box.querySelector('b')
  const labels = JSON.parse(box.dataset.labels)
  const rules = document.querySelector(`[data-rules="${box.dataset.strength}"]`)
  const look = async () => {
    const value = input.value
    box.hidden = value === ''
    if (rules !== null) showRules(rules, value)
    if (value === '') return
    loaded ??= load(box.dataset)
    try {
      const { score } = (await loaded).check(value.slice(0, CHECKED_CHARACTERS))
      if (input.value !== value) return
      meter.value = score
      word.textContent = labels[score] ?? ''
      if (rules !== null) mark(rules, 'common', score >= 2)
    } catch {
      box.hidden = true
    }
  }
  input?.addEventListener('input', look)
  if (input?.value) look()
}

/** The rules that need no dictionary; the names are checked by the server. */
function showRules(rules, value) {
  mark(rules, 'long', [...value].length >= 16)
  mark(rules, 'typable', /^[\x20-\x7e]*$/.test(value))
}

function mark(rules, name, kept) {
  const rule = rules.querySelector(`[data-rule="${name}"]`)
  if (rule !== null) rule.className = kept ? 'ok' : 'no'
}
