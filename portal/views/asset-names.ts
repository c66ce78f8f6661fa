/** Every file that a page may load: ours from `portal/assets/`, and three ready-made ones of packages. `asset-table.ts` serves them. */

export const OUR_ASSETS = ['portal.css', 'portal.js', 'password.js', 'first-connection.js', 'passkeys.js', 'strength.js', 'search.js', 'icon.svg'] as const

/** Name of ours → package, and the file beside the package's own entry. Each is one file without imports. */
export const PACKAGE_ASSETS = {
  'simplewebauthn.js': ['@simplewebauthn/browser', '../dist/bundle/index.umd.min.js'],
  'zxcvbn.js': ['@zxcvbn-ts/core', './zxcvbn-ts.js'],
  'zxcvbn-words.js': ['@zxcvbn-ts/language-common', './zxcvbn-ts.js'],
} as const satisfies Readonly<Record<string, readonly [name: string, file: string]>>

export type AssetName = (typeof OUR_ASSETS)[number] | keyof typeof PACKAGE_ASSETS
