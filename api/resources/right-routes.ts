/** `/people/{login}/rights` and `/mailboxes/{address}/people`: who may do what at which mailbox. */
import { parseAddress } from '../../base/address.ts'
import { getAccess, giveRights, listPeople, pagePeople, removeRights } from '../../management/people/manage-rights.ts'
import type { Api } from '../api-services.ts'
import { address, body, createRoute, login, needs, ok, page, pageOf, z } from '../schemas.ts'
import { allRights, rightsAt, rightsRow } from './right-schemas.ts'

const tags = ['People']
const params = z.object({ login, address })
const person = rightsRow.extend({ user: z.string(), name: z.string().nullable(), state: z.enum(['active', 'blocked']) }).openapi('PersonAtMailbox')

export function addRightRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listMailboxPeople',
      method: 'get',
      path: '/mailboxes/{address}/people',
      tags,
      summary: 'Everybody with a right at a mailbox, by login',
      security: needs('read'),
      request: { params: z.object({ address }), query: z.strictObject(page) },
      responses: ok(pageOf(person)),
    }),
    async context => {
      const input = { mailbox: context.req.valid('param').address, ...context.req.valid('query') }
      const { rows, next } = await pagePeople(context.get('useCases'), context.get('actor'), input)
      return context.json({ items: rows, next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getRights',
      method: 'get',
      path: '/people/{login}/rights/{address}',
      tags,
      summary: 'The rights of a person at a mailbox',
      security: needs('read'),
      request: { params },
      responses: ok(rightsAt),
    }),
    async context => {
      const asked = context.req.valid('param')
      const mailbox = parseAddress(asked.address)
      const people = await listPeople(context.get('useCases'), context.get('actor'), mailbox)
      const { login: who } = await getAccess(context.get('useCases'), context.get('actor'), asked.login)
      const { use = false, make = false, see = false, send = false, manage = false } = people.find(({ user }) => user === who) ?? {}
      return context.json({ mailbox, use, make, see, send, manage }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'setRights',
      method: 'put',
      path: '/people/{login}/rights/{address}',
      tags,
      summary: 'Give a person exactly these rights at a mailbox',
      security: needs('people'),
      request: { params, body: body(allRights) },
      responses: ok(rightsAt),
    }),
    async context => {
      const asked = context.req.valid('param')
      const input = { login: asked.login, mailbox: asked.address, rights: context.req.valid('json') }
      const given = await giveRights(context.get('useCases'), context.get('actor'), input)
      return context.json({ ...given, mailbox: parseAddress(asked.address) }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'removeRights',
      method: 'delete',
      path: '/people/{login}/rights/{address}',
      tags,
      summary: 'Take every right at a mailbox from a person',
      security: needs('people'),
      request: {
        params,
        query: z.strictObject({
          devices: z.enum(['revoke', 'unlink']).optional().openapi({ description: 'What becomes of devices that are linked to them there.' }),
        }),
      },
      responses: ok(z.object({ devices: z.array(z.string()).readonly() }), 'Taken; this became of these devices.'),
    }),
    async context => {
      const asked = context.req.valid('param')
      const input = { login: asked.login, mailbox: asked.address, ...context.req.valid('query') }
      return context.json(await removeRights(context.get('useCases'), context.get('actor'), input), 200)
    },
  )
}
