/** `/mailboxes`: looking at them, adding, changing, removing; trying their login at the real server. */
import { formatIsoOrNull } from '../../base/iso-time.ts'
import { Secret } from '../../base/secret.ts'
import { toMailboxRow, toSendingJson } from '../../management/mailboxes/mailbox-json.ts'
import { addMailbox, getMailbox, type MailboxState, removeMailbox, setMailbox, verifyMailbox } from '../../management/mailboxes/manage-mailboxes.ts'
import { pageMailboxes } from '../../management/page-lists.ts'
import type { Api } from '../api-services.ts'
import { makeOnce } from '../keyed-post.ts'
import {
  address,
  body,
  created,
  createRoute,
  id,
  idempotencyKey,
  momentOrNull,
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

const tags = ['Mailboxes']
const params = z.object({ address })

const common = {
  id,
  address: z.string(),
  upstream: z.string().openapi({ description: 'Name of the server in the configuration.' }),
  login: z.string().nullable().openapi({ description: 'Login at that server; null: the address.' }),
  hasSecret: z.boolean(),
  state: z.enum(['active', 'disabled']),
  createdAt: time,
  legacyPasswordUntil: time.nullable().openapi({ description: 'Until when the password of the real server is accepted too.' }),
  devices: z.int(),
  note: z.string().nullable(),
}
const row = z.object({ ...common, lastConnectionAt: time.nullable(), sessions: z.int() }).openapi('MailboxRow')
const details = z.object({ ...common, aliases: z.array(z.string()).readonly(), sending: z.union([sendingRow, z.null()]) }).openapi('Mailbox')

/** Of the login at the real server: `trial` false stores it untried. */
const upstreamLogin = { upstream: text.optional(), login: text.nullable().optional(), trial: z.boolean().default(true) }

const newMailbox = z.strictObject({
  address,
  ...upstreamLogin,
  secret: text.optional().openapi({ description: 'The password of the mailbox at the real server.', format: 'password' }),
  note: text.nullable().optional(),
  aliases: texts.optional(),
  legacyPasswordUntil: momentOrNull.optional(),
})

/** What is left out stays. */
const changes = z.strictObject({
  ...upstreamLogin,
  secret: text.optional().openapi({ format: 'password' }),
  state: z.enum(['active', 'disabled']).optional(),
  note: text.nullable().optional(),
  aliases: texts.optional().openapi({ description: 'All that it shall have.' }),
  legacyPasswordUntil: momentOrNull.optional(),
  sending: sendingChanges.optional(),
})

function toDetails({ mailbox, aliases, sending }: MailboxState) {
  return { ...toMailboxRow(mailbox), note: mailbox.note, aliases, sending: sending === null ? null : toSendingJson(sending) }
}

const trialOf = (isTried: boolean) => (isTried ? 'try' : 'trust')
const secretOf = (given: string | undefined) => (given === undefined ? undefined : Secret.fromText(given))

export function addMailboxRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listMailboxes',
      method: 'get',
      path: '/mailboxes',
      tags,
      summary: 'Mailboxes, by address',
      security: needs('read'),
      request: {
        query: z.strictObject({
          ...page,
          q: text.optional().openapi({ description: 'A part of the address, of an alias or of the note.' }),
          domain: text.optional(),
          state: z.enum(['active', 'disabled']).optional(),
        }),
      },
      responses: ok(pageOf(row)),
    }),
    async context => {
      const { q, domain, state, after, limit } = context.req.valid('query')
      const filter = { search: q, domain: domain?.toLowerCase(), state }
      const { rows, next } = await pageMailboxes(context.get('useCases'), context.get('actor'), { filter, after, limit })
      const items = rows.map(mailbox => {
        const { note, sessions, lastConnectionAt } = mailbox
        return { ...toMailboxRow(mailbox), note, sessions, lastConnectionAt: formatIsoOrNull(lastConnectionAt) }
      })
      return context.json({ items, next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'addMailbox',
      method: 'post',
      path: '/mailboxes',
      tags,
      summary: 'Add a mailbox; its login at the real server is tried first',
      security: needs('mailboxes'),
      request: { headers: idempotencyKey, body: body(newMailbox) },
      responses: created(details),
    }),
    async context => {
      const { trial, secret, legacyPasswordUntil, ...wanted } = context.req.valid('json')
      const actor = context.get('actor')
      const input = { ...wanted, trial: trialOf(trial), secret: secretOf(secret), migrationPasswordUntil: legacyPasswordUntil } as const
      const made = await makeOnce(context, {
        make: useCases => addMailbox(useCases, actor, input),
        where: ({ mailbox }) => mailbox.address,
        body: toDetails,
        again: async (where, seeing) => toDetails(await getMailbox(context.get('useCases'), seeing, where)),
      })
      return context.json(made, 201)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getMailbox',
      method: 'get',
      path: '/mailboxes/{address}',
      tags,
      summary: 'A mailbox',
      security: needs('read'),
      request: { params },
      responses: ok(details),
    }),
    async context => {
      const state = await getMailbox(context.get('useCases'), context.get('actor'), context.req.valid('param').address)
      return context.json(toDetails(state), 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'changeMailbox',
      method: 'patch',
      path: '/mailboxes/{address}',
      tags,
      summary: 'Change a mailbox; what is left out stays',
      security: needs('mailboxes'),
      request: { params, body: body(changes) },
      responses: ok(details),
    }),
    async context => {
      const { trial, secret, legacyPasswordUntil, sending, ...wanted } = context.req.valid('json')
      const state = await setMailbox(context.get('useCases'), context.get('actor'), {
        ...wanted,
        ...context.req.valid('param'),
        trial: trialOf(trial),
        secret: secretOf(secret),
        migrationPasswordUntil: legacyPasswordUntil,
        sending: sending === undefined ? undefined : readSending(sending),
      })
      return context.json(toDetails(state), 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'removeMailbox',
      method: 'delete',
      path: '/mailboxes/{address}',
      tags,
      summary: 'Remove a mailbox with its devices; the mail at the real server stays',
      security: needs('mailboxes'),
      request: { params },
      responses: ok(z.object({ address: z.string(), devices: z.int() }), 'Removed, with so many devices.'),
    }),
    async context => context.json(await removeMailbox(context.get('useCases'), context.get('actor'), context.req.valid('param')), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'verifyMailbox',
      method: 'post',
      path: '/mailboxes/{address}/verify',
      tags,
      summary: 'Try the login at the real server, as it is stored',
      security: needs('mailboxes'),
      request: { params, headers: idempotencyKey },
      responses: ok(z.object({ address: z.string(), verified: z.literal(true) }), 'The real server accepted it.'),
    }),
    async context => {
      const { address: asked } = context.req.valid('param')
      await verifyMailbox(context.get('useCases'), context.get('actor'), asked)
      return context.json({ address: asked, verified: true as const }, 200)
    },
  )
}
