/** `/activity` and `/audit`: what happened, as JSON by pages or as CSV whole. */
import { formatIso } from '../../base/iso-time.ts'
import { toActivityRow, toAuditRow } from '../../management/history/history-json.ts'
import { pageActivity, pageAudit } from '../../management/history/read-history.ts'
import type { Activity } from '../../store/history/activity.ts'
import type { AuditEntry } from '../../store/history/audit.ts'
import { answerCsv, wantsCsv } from '../answer-csv.ts'
import type { Api } from '../api-services.ts'
import { address, createRoute, id, moment, needs, network, ok, page, pageOf, text, time, z } from '../schemas.ts'

const tags = ['History']
const period = { since: moment.optional(), until: moment.optional() }

const activityRow = z
  .object({
    at: time.openapi({ description: 'The latest of so many attempts alike.' }),
    firstAt: time,
    count: z.int(),
    mailbox: z.string().openapi({ description: 'As the app gave it.' }),
    device: z.string().nullable(),
    deviceName: z.string().nullable(),
    result: z.string().openapi({ description: '`ok`, or why it was refused.' }),
    protocol: z.enum(['imap', 'submission']),
    ip: z.string(),
    app: z.string().nullable(),
  })
  .openapi('Activity')

const facts = z.record(z.string(), z.unknown()).nullable()
const auditRow = z
  .object({
    id: z.int(),
    at: time,
    actor: z.string(),
    source: z.string(),
    action: z.string(),
    subject: z.string(),
    subjectId: z.string().nullable(),
    before: facts,
    after: facts,
  })
  .openapi('Change')

function jsonOrCsv<Row extends z.ZodType>(row: Row) {
  const { 200: answer, default: problems } = ok(pageOf(row))
  return {
    200: {
      description: 'A page; with “Accept: text/csv” all of it.',
      content: { ...answer.content, 'text/csv': { schema: z.string() } },
    },
    default: problems,
  } as const
}

export function addHistoryRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listActivity',
      method: 'get',
      path: '/activity',
      tags,
      summary: 'Logins and refusals, the latest first',
      security: needs('read'),
      request: {
        query: z.strictObject({
          ...page,
          ...period,
          mailbox: address.optional(),
          device: id.optional(),
          result: text.optional().openapi({ description: 'Some, separated by commas; or `refused` for all but `ok`.' }),
          network: network
            .optional()
            .openapi({ description: 'Where the app was. A page may then have fewer rows than asked for, and a next one all the same.' }),
          ip: text.optional().openapi({ description: 'The address of the app, whole.' }),
          protocol: z.enum(['imap', 'submission']).optional(),
        }),
      },
      responses: jsonOrCsv(activityRow),
    }),
    async context => {
      const { after, limit, result, ...rest } = context.req.valid('query')
      const filter = { ...rest, ...(result === 'refused' ? { isRefused: true as const } : { results: result?.split(',') }) }
      const [useCases, actor] = [context.get('useCases'), context.get('actor')]
      if (wantsCsv(context.req.header('accept'))) {
        const heads = ['at', 'firstAt', 'count', 'mailbox', 'device', 'deviceName', 'result', 'protocol', 'ip', 'app']
        return answerCsv(
          heads,
          (row: Activity) => Object.values(toActivityRow(row)),
          request => pageActivity(useCases, actor, { filter, ...request }),
        )
      }
      const { rows, next } = await pageActivity(useCases, actor, { filter, after, limit })
      return context.json({ items: rows.map(toActivityRow), next }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'listChanges',
      method: 'get',
      path: '/audit',
      tags,
      summary: 'Who changed what, the latest first',
      security: needs('read'),
      request: {
        query: z.strictObject({
          ...page,
          ...period,
          mailbox: address.optional(),
          device: id.optional(),
          network: network
            .optional()
            .openapi({ description: 'Where it was done from; what was done on the command line has none. A page may then have fewer rows.' }),
          actor: text.optional().openapi({ description: 'Who did it, or a part of where it came from.' }),
          action: text.optional().openapi({ description: '`device.revoked`, or `device` for all that begins so.' }),
        }),
      },
      responses: jsonOrCsv(auditRow),
    }),
    async context => {
      const { after, limit, ...filter } = context.req.valid('query')
      const [useCases, actor] = [context.get('useCases'), context.get('actor')]
      if (wantsCsv(context.req.header('accept'))) {
        const heads = ['at', 'actor', 'source', 'action', 'subject', 'subjectId', 'before', 'after']
        const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
        return answerCsv(
          heads,
          ({ at, actor: who, source, action, subject, subjectId, before, after: then }: AuditEntry) => [
            formatIso(at),
            who,
            source,
            action,
            subject,
            subjectId,
            json(before),
            json(then),
          ],
          request => pageAudit(useCases, actor, { filter, ...request }),
        )
      }
      const { rows, next } = await pageAudit(useCases, actor, { filter, after, limit })
      return context.json({ items: rows.map(toAuditRow), next }, 200)
    },
  )
}
