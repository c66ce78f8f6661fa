/** What a device looks like, guessed from what it is called and which app it uses: for its picture only. */
import type { DeviceKind } from '../../views/parts/names.ts'

const WORDS: readonly (readonly [DeviceKind, RegExp])[] = [
  ['printer', /print|druck|imprim|scan|kopier|copieur|\bmfp\b|\bfax/i],
  ['phone', /phone|iphone|ipad|pixel|galaxy|android|handy|natel|mobile|tablet|téléphone|k-9|ios\b/i],
  ['server', /server|serveur|crm|nas\b|cron|script|backup|bot\b|monitor|ticket|wordpress|migration|imapsync|python|java\b|php/i],
]

export function deviceKindOf(name: string, app: string | null | undefined): DeviceKind {
  for (const text of [name, app ?? '']) for (const [kind, words] of WORDS) if (words.test(text)) return kind
  return 'laptop'
}
