/** `/me` and `/tokens`: whose token this is, and the others of that person. A token makes no tokens: people do, after they said who they are. */

import { pageTokens, revokeToken } from '../../management/sign-in/manage-sign-in.ts'
import { toTokenRow } from '../../management/sign-in/sign-in-json.ts'
import { look } from '../../management/use-case.ts'
import type { Api } from '../api-services.ts'
import { createRoute, id, needs, ok, page, pageOf, SCOPES, time, z } from '../schemas.ts'
import { rightsAt } from './right-schemas.ts'

const tags = ['Tokens']
const scopes = z.array(z.enum(SCOPES)).readonly()

const row = z
  .object({
    id,
    name: z.string(),
    beginning: z.string().openapi({ description: 'By which a person knows it again.' }),
    user: z.string(),
    scopes,
    domains: z.array(z.string()).readonly().openapi({ description: 'None: all that its owner may.' }),
    allowFrom: z.array(z.string()).readonly().openapi({ description: 'None: everywhere.' }),
    createdAt: time,
    endsAt: time.nullable(),
    usedAt: time.nullable(),
    usedIp: z.string().nullable(),
  })
  .openapi('Token')

const me = z
  .object({
    login: z.string(),
    token: z.object({ id, scopes, domains: z.array(z.string()).readonly() }),
    administrator: z.boolean(),
    manages: z.array(z.string()).readonly(),
    maySend: z.boolean().openapi({ description: 'False: sending was taken from the person everywhere.' }),
    rights: z.array(rightsAt).readonly(),
  })
  .openapi('Me')

export function addTokenRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'getMe',
      method: 'get',
      path: '/me',
      tags,
      summary: 'Whose token this is, and what they may now',
      security: needs(),
      responses: ok(me),
    }),
    async context => {
      const actor = context.get('actor')
      const reach = await look(context.get('useCases'), actor, (_, own) => Promise.resolve(own))
      const isIn = (domain: string): boolean => reach.onlyDomains?.has(domain) ?? true
      const rights = [...reach.rights].filter(([mailbox]) => isIn(mailbox.slice(mailbox.lastIndexOf('@') + 1)))
      return context.json(
        {
          login: actor.login,
          token: { id: context.get('token'), scopes: actor.scopes, domains: actor.domains },
          administrator: reach.isAdministrator,
          manages: [...reach.domains].filter(isIn),
          maySend: reach.maySend,
          rights: rights.map(([mailbox, has]) => ({
            mailbox,
            use: has.has('use'),
            make: has.has('make'),
            see: has.has('see'),
            send: has.has('send'),
            manage: has.has('manage'),
          })),
        },
        200,
      )
    },
  )
  api.openapi(
    createRoute({
      operationId: 'listTokens',
      method: 'get',
      path: '/tokens',
      tags,
      summary: 'The tokens of whose token this is; never the tokens themselves',
      security: needs('read'),
      request: { query: z.strictObject(page) },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { rows, next } = await pageTokens(context.get('useCases'), context.get('actor'), context.req.valid('query'))
      return context.json({ items: rows.map(toTokenRow), next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'revokeToken',
      method: 'delete',
      path: '/tokens/{id}',
      tags,
      summary: 'Revoke a token, at once',
      security: needs('people'),
      request: { params: z.object({ id }) },
      responses: ok(row),
    }),
    async context => context.json(toTokenRow(await revokeToken(context.get('useCases'), context.get('actor'), context.req.valid('param'))), 200),
  )
}
