/** `/people`: accounts, their rights at mailboxes, and their right to send. */

import { pageUsers } from '../../management/page-lists.ts'
import { getAccess } from '../../management/people/manage-rights.ts'
import { getUser, removeUser, setUser } from '../../management/people/manage-users.ts'
import { toUserRow } from '../../management/people/user-json.ts'
import { addPerson } from '../../management/sign-in/manage-sign-in.ts'
import type { RoleName } from '../../store/accounts/people/roles.ts'
import type { Api } from '../api-services.ts'
import { makeOnce } from '../keyed-post.ts'
import {
  body,
  created,
  createRoute,
  flag,
  given,
  idempotencyKey,
  login,
  needs,
  ok,
  page,
  pageOf,
  readSending,
  sendingChanges,
  sendingRow,
  text,
  texts,
  time,
  z,
} from '../schemas.ts'
import { showOnce } from '../shown-once.ts'
import { rights, rightsAt } from './right-schemas.ts'

const tags = ['People']
const params = z.object({ login })

const row = z
  .object({
    login: z.string(),
    name: z.string().nullable(),
    state: z.enum(['active', 'blocked']),
    maySend: z.boolean(),
    devices: z.int(),
    createdAt: time,
    sending: sendingRow,
  })
  .openapi('Person')

const withRights = row
  .extend({ administrator: z.boolean(), manages: z.array(z.string()).readonly(), rights: z.array(rightsAt).readonly() })
  .openapi('PersonWithRights')

const made = z
  .object({
    person: row,
    startUrl: z
      .string()
      .nullable()
      .openapi({ description: 'The link by which they choose their password, in this one answer; null: none, mailed, or repeated.' }),
  })
  .openapi('NewPerson')

const newPerson = z.strictObject({
  login,
  name: text.nullable().optional(),
  maySend: z.boolean().optional(),
  administrator: z.boolean().optional(),
  manages: texts.optional().openapi({ description: 'Domains.' }),
  rights: z
    .array(z.strictObject({ mailbox: text, rights }))
    .max(200)
    .optional(),
  start: z.enum(['none', 'link', 'mail']).default('none').openapi({ description: 'How they get in: not at all, by a link in the answer, by a mailed link.' }),
  mailTo: text.optional().openapi({ description: 'Where a mailed link goes.' }),
})

/** What is left out stays. */
const changes = z.strictObject({ name: text.nullable().optional(), state: z.enum(['active', 'blocked']).optional() })

export function addPeopleRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listPeople',
      method: 'get',
      path: '/people',
      tags,
      summary: 'People, by login',
      security: needs('read'),
      request: {
        query: z.strictObject({
          ...page,
          q: text.optional().openapi({ description: 'A part of the login or the name.' }),
          state: z.enum(['active', 'blocked']).optional(),
          maySend: flag.optional(),
        }),
      },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { q, state, maySend, after, limit } = context.req.valid('query')
      const filter = { search: q, state, maySend }
      const { rows, next } = await pageUsers(context.get('useCases'), context.get('actor'), { filter, after, limit })
      return context.json({ items: rows.map(toUserRow), next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'addPerson',
      method: 'post',
      path: '/people',
      tags,
      summary: 'Make an account for a person, with rights',
      security: needs('people'),
      request: {
        headers: idempotencyKey,
        body: body(
          newPerson.refine(({ start, mailTo }) => (start === 'mail') === (mailTo !== undefined), { path: ['mailTo'], message: 'goes with start "mail"' }),
        ),
      },
      responses: created(made),
    }),
    async context => {
      const { administrator = false, manages = [], rights: wanted = [], start, mailTo = '', ...person } = context.req.valid('json')
      const roles: RoleName[] = manages.map(domain => ({ role: 'manager', domain }))
      if (administrator) roles.push({ role: 'admin' })
      const actor = context.get('actor')
      const input = {
        ...person,
        roles,
        rights: wanted.map(here => ({ ...here, rights: given(here.rights) })),
        start: start === 'mail' ? { mailTo } : start === 'link' ? 'show' : 'none',
      } as const
      const answer = await makeOnce(context, {
        make: useCases => addPerson(useCases, actor, input),
        where: ({ user }) => user.login,
        body: ({ user, token }): z.output<typeof made> => ({
          person: toUserRow(user),
          startUrl: token === null || start !== 'link' ? null : context.get('services').links.welcome(showOnce(token)),
        }),
        again: async (where, seeing) => ({ person: toUserRow((await getUser(context.get('useCases'), seeing, where)).user), startUrl: null }),
      })
      return context.json(answer, 201)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getPerson',
      method: 'get',
      path: '/people/{login}',
      tags,
      summary: 'A person, with roles and rights',
      security: needs('read'),
      request: { params },
      responses: ok(withRights),
    }),
    async context => {
      const [useCases, actor, asked] = [context.get('useCases'), context.get('actor'), context.req.valid('param').login]
      const { user } = await getUser(useCases, actor, asked)
      const access = await getAccess(useCases, actor, asked)
      const { roles } = access
      return context.json({ ...toUserRow(user), administrator: roles.isAdmin, manages: roles.domains, rights: access.rights }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'changePerson',
      method: 'patch',
      path: '/people/{login}',
      tags,
      summary: 'Rename, block or let in again; what is left out stays',
      security: needs('people'),
      request: { params, body: body(changes) },
      responses: ok(row),
    }),
    async context => {
      const input = { ...context.req.valid('param'), ...context.req.valid('json') }
      return context.json(toUserRow((await setUser(context.get('useCases'), context.get('actor'), input)).user), 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'removePerson',
      method: 'delete',
      path: '/people/{login}',
      tags,
      summary: 'Remove a person',
      security: needs('people'),
      request: { params, query: z.strictObject({ unlink: flag.optional().openapi({ description: 'Keep the linked devices, without a user.' }) }) },
      responses: ok(z.object({ login: z.string(), unlinked: z.array(z.string()).readonly() }), 'Removed; these devices have no user now.'),
    }),
    async context => {
      const input = { ...context.req.valid('param'), ...context.req.valid('query') }
      return context.json(await removeUser(context.get('useCases'), context.get('actor'), input), 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getPersonSending',
      method: 'get',
      path: '/people/{login}/sending',
      tags,
      summary: 'The rules by which a person sends, from all mailboxes',
      security: needs('read'),
      request: { params },
      responses: ok(sendingRow),
    }),
    async context => {
      const { user } = await getUser(context.get('useCases'), context.get('actor'), context.req.valid('param').login)
      return context.json(toUserRow(user).sending, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'changePersonSending',
      method: 'patch',
      path: '/people/{login}/sending',
      tags,
      summary: 'Take sending away from a person everywhere, give it back, or limit it; what is left out stays',
      security: needs('people'),
      request: { params, body: body(sendingChanges) },
      responses: ok(sendingRow),
    }),
    async context => {
      const input = { ...context.req.valid('param'), sending: readSending(context.req.valid('json')) }
      return context.json(toUserRow((await setUser(context.get('useCases'), context.get('actor'), input)).user).sending, 200)
    },
  )
}
