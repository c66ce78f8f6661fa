/** Serves every page of the gallery with the real assets and the real content security policy, so that a browser can be pointed at them. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ASSET_CACHE_CONTROL, loadAssets } from '../../portal/asset-table.ts'
import { isLanguage, messagesOf } from '../../portal/messages/languages.ts'
import { galleryContext } from '../../portal/views/gallery/gallery-context-fixture.ts'
import { galleryPages } from '../../portal/views/gallery/gallery-fixture.ts'

export interface GalleryServer {
  readonly url: string
  close(): Promise<void>
}

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

export async function startGallery(port = 0): Promise<GalleryServer> {
  const assets = loadAssets()
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const asset = assets.find(url.pathname)
    if (asset !== undefined) {
      response.writeHead(200, { 'content-type': asset.contentType, 'cache-control': ASSET_CACHE_CONTROL, 'x-content-type-options': 'nosniff' })
      response.end(asset.body)
      return
    }
    const page = galleryPages.find(({ name }) => url.pathname === `/${name}`)
    if (page === undefined) {
      // The waiting line asks, and nothing has connected yet.
      response.writeHead(url.pathname.endsWith('/first') ? 204 : 404).end()
      return
    }
    const asked = url.searchParams.get('language') ?? 'en'
    const language = isLanguage(asked) ? asked : 'en'
    const context = galleryContext({ language, reader: page.reader, asset: assets.link })
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY })
    response.end(String(page.draw(page.model, messagesOf(language), context)))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
