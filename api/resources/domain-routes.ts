/** `/domains`: the domains of mailboxes. */
import { Problem } from '../../base/problems.ts'
import { countMailboxes, pageDomains } from '../../management/page-lists.ts'
import type { Api } from '../api-services.ts'
import { createRoute, needs, ok, page, pageOf, text, z } from '../schemas.ts'

const tags = ['Domains']
const row = z.object({ domain: z.string(), mailboxes: z.int() }).openapi('Domain')

export function addDomainRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listDomains',
      method: 'get',
      path: '/domains',
      tags,
      summary: 'Domains with their mailboxes, by name',
      security: needs('read'),
      request: { query: z.strictObject({ ...page, q: text.optional().openapi({ description: 'A part of the name.' }) }) },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { q, after, limit } = context.req.valid('query')
      const { rows, next } = await pageDomains(context.get('useCases'), context.get('actor'), { search: q, after, limit })
      return context.json({ items: rows, next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getDomain',
      method: 'get',
      path: '/domains/{domain}',
      tags,
      summary: 'A domain, with counts',
      security: needs('read'),
      request: { params: z.object({ domain: text }) },
      responses: ok(row),
    }),
    async context => {
      const domain = context.req.valid('param').domain.toLowerCase()
      const mailboxes = await countMailboxes(context.get('useCases'), context.get('actor'), { domain })
      if (mailboxes === 0) throw new Problem('domain.unknown', { domain })
      return context.json({ domain, mailboxes }, 200)
    },
  )
}
