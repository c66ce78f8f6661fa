/** `/sessions`: who is connected now, and ending it. */

import { endSessions, getSession } from '../../management/devices/manage-sessions.ts'
import { toSessionRow } from '../../management/history/history-json.ts'
import { pageSessions } from '../../management/page-lists.ts'
import type { Api } from '../api-services.ts'
import { address, createRoute, id, needs, ok, page, pageOf, time, z } from '../schemas.ts'

const tags = ['Sessions']
const params = z.object({ id })

const row = z
  .object({
    id,
    node: z.string(),
    device: z.string(),
    mailbox: z.string().nullable(),
    protocol: z.enum(['imap', 'submission']),
    ip: z.string(),
    app: z.string().nullable(),
    since: time,
    bytesIn: z.int(),
    bytesOut: z.int(),
  })
  .openapi('Session')

export function addSessionRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listSessions',
      method: 'get',
      path: '/sessions',
      tags,
      summary: 'Live sessions, the longest first',
      security: needs('read'),
      request: { query: z.strictObject({ ...page, device: id.optional(), mailbox: address.optional() }) },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { after, limit, ...filter } = context.req.valid('query')
      const { rows, next } = await pageSessions(context.get('useCases'), context.get('actor'), { filter, after, limit })
      return context.json({ items: rows.map(toSessionRow), next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getSession',
      method: 'get',
      path: '/sessions/{id}',
      tags,
      summary: 'A live session',
      security: needs('read'),
      request: { params },
      responses: ok(row),
    }),
    async context => context.json(toSessionRow(await getSession(context.get('useCases'), context.get('actor'), context.req.valid('param').id)), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'endSession',
      method: 'delete',
      path: '/sessions/{id}',
      tags,
      summary: 'End a session; the app may connect again',
      security: needs('devices'),
      request: { params },
      responses: ok(z.object({ sessions: z.int() }), 'So many end.'),
    }),
    async context => context.json(await endSessions(context.get('useCases'), context.get('actor'), { ids: [context.req.valid('param').id] }), 200),
  )
}
