/** `/invitations`: links by which somebody makes the password of a device. The link is in the answer that made it, and nowhere else. */
import { getInvitation, invite, type MadeInvitation, pageVisibleInvitations, revokeInvitation } from '../../management/sign-in/invite.ts'
import { toInvitationRow } from '../../management/sign-in/sign-in-json.ts'
import type { Api, ApiServices } from '../api-services.ts'
import { makeOnce } from '../keyed-post.ts'
import {
  address,
  body,
  created,
  createRoute,
  given,
  id,
  idempotencyKey,
  login,
  momentOrNull,
  needs,
  ok,
  page,
  pageOf,
  text,
  texts,
  time,
  z,
} from '../schemas.ts'
import { showOnce } from '../shown-once.ts'
import { rights } from './right-schemas.ts'

const tags = ['Invitations']
const params = z.object({ id })
const scopes = z.array(z.enum(['imap', 'smtp'])).max(10)
const states = z.enum(['open', 'accepted', 'revoked', 'ended'])

const row = z
  .object({
    id,
    kind: z.enum(['device', 'phone', 'start']).openapi({ description: 'For a new device, for the password of a device, for an account.' }),
    state: states,
    mailbox: z.string().nullable(),
    user: z.string().nullable(),
    device: z.string().nullable(),
    name: z.string().nullable(),
    scopes: scopes.readonly(),
    expiresAt: time.nullable(),
    allowFrom: z.array(z.string()).readonly(),
    mailTo: z.string().nullable(),
    madeBy: z.string(),
    createdAt: time,
    endsAt: time,
    closedAt: time.nullable(),
    openedAt: time.nullable(),
    opened: z.int(),
  })
  .openapi('Invitation')

const made = z
  .object({
    invitation: row,
    url: z.string().nullable().openapi({ description: 'The link, in this one answer; null: it is mailed, or the key was repeated.' }),
  })
  .openapi('NewInvitation')

const wanted = z.strictObject({
  mailbox: address.openapi({ description: 'Whoever accepts gets a device there.' }),
  user: login.nullable().optional().openapi({ description: 'Who alone may accept it; whoever has the link when left out.' }),
  name: text.nullable().optional(),
  scopes: scopes.optional(),
  expiresAt: momentOrNull.optional(),
  allowFrom: texts.optional(),
  rights: rights.optional(),
  mailTo: text.nullable().optional(),
})

function toMade({ invitation, token }: MadeInvitation, { links }: ApiServices): z.output<typeof made> {
  return { invitation: toInvitationRow(invitation), url: token === null ? null : links.invitation(showOnce(token)) }
}

export function addInvitationRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listInvitations',
      method: 'get',
      path: '/invitations',
      tags,
      summary: 'Invitations, the newest first',
      security: needs('people'),
      request: { query: z.strictObject({ ...page, mailbox: address.optional(), user: login.optional(), state: states.optional() }) },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { after, limit, ...filter } = context.req.valid('query')
      const { rows, next } = await pageVisibleInvitations(context.get('useCases'), context.get('actor'), { filter, after, limit })
      return context.json({ items: rows.map(toInvitationRow), next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'addInvitation',
      method: 'post',
      path: '/invitations',
      tags,
      summary: 'Invite somebody to a mailbox; the link is in this answer only',
      security: needs('people'),
      request: { headers: idempotencyKey, body: body(wanted) },
      responses: created(made),
    }),
    async context => {
      const { mailbox, user, mailTo, rights: promised, ...terms } = context.req.valid('json')
      const [actor, services] = [context.get('actor'), context.get('services')]
      const answer = await makeOnce(context, {
        make: useCases =>
          invite(useCases, actor, { mailbox, user, mailTo, terms: given(promised === undefined ? terms : { ...terms, rights: given(promised) }) }),
        where: ({ invitation }) => invitation.id,
        body: answer => toMade(answer, services),
        again: async (where, seeing) => toMade({ invitation: await getInvitation(context.get('useCases'), seeing, where), token: null }, services),
      })
      return context.json(answer, 201)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getInvitation',
      method: 'get',
      path: '/invitations/{id}',
      tags,
      summary: 'An invitation; never its link',
      security: needs('people'),
      request: { params },
      responses: ok(row),
    }),
    async context => context.json(toInvitationRow(await getInvitation(context.get('useCases'), context.get('actor'), context.req.valid('param').id)), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'revokeInvitation',
      method: 'delete',
      path: '/invitations/{id}',
      tags,
      summary: 'Take an invitation back',
      security: needs('people'),
      request: { params },
      responses: ok(row),
    }),
    async context => context.json(toInvitationRow(await revokeInvitation(context.get('useCases'), context.get('actor'), context.req.valid('param').id)), 200),
  )
}
