/**
 * Style sheet and scripts, read once at start and served under a name with the hash of what is in them: cached for a year, and never stale.
 *
 * Scripts import nothing: what one needs of another stands in a `data-` attribute of the page. So no build step is needed, and nothing comes from
 * another origin.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type AssetName, OUR_ASSETS, PACKAGE_ASSETS } from './views/asset-names.ts'

export interface Asset {
  /** /assets/portal-3f2a….css */
  readonly path: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly contentType: string
}

export interface AssetTable {
  /** Where a page finds it. */
  link(name: AssetName): string
  /** What lies at a path of a request; undefined: nothing of ours. */
  find(path: string): Asset | undefined
}

export const ASSET_FOLDER = '/assets/'
/** For whoever answers with an asset: the name changes with the content. */
export const ASSET_CACHE_CONTROL = 'public, max-age=31536000, immutable'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** 80 bits: two versions of a file never share a name. */
const HASH_CHARACTERS = 20

export function loadAssets(): AssetTable {
  const require = createRequire(import.meta.url)
  const ours = OUR_ASSETS.map(name => load(name, new URL(`./assets/${name}`, import.meta.url)))
  const packages = Object.entries(PACKAGE_ASSETS).map(([name, [from, file]]) => load(name, new URL(file, pathToFileURL(require.resolve(from)))))
  const all = [...ours, ...packages]
  const byName = new Map(all.map(({ name, asset }) => [name, asset]))
  const byPath = new Map(all.map(({ asset }) => [asset.path, asset]))
  return {
    link(name) {
      const asset = byName.get(name)
      if (asset === undefined) throw new Error(`there is no asset ${name}`)
      return asset.path
    },
    find: path => byPath.get(path),
  }
}

function load(name: string, file: URL): { readonly name: string; readonly asset: Asset } {
  const body = new Uint8Array(readFileSync(fileURLToPath(file)))
  const hash = createHash('sha256').update(body).digest('hex').slice(0, HASH_CHARACTERS)
  const dot = name.lastIndexOf('.')
  const ending = name.slice(dot)
  return {
    name,
    asset: { path: `${ASSET_FOLDER}${name.slice(0, dot)}-${hash}${ending}`, body, contentType: CONTENT_TYPES[ending] ?? 'application/octet-stream' },
  }
}
