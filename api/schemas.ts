/**
 * The schemas that every resource uses: times, pages, problems, and how an operation says which scope it needs. The adapter of zod-openapi for the
 * resources: what they declare by it is route, validation and document at once.
 */
import { createRoute, z } from '@hono/zod-openapi'
import { parseCidr } from '../base/network.ts'
import type { TokenScope } from '../store/schema/rights-and-scopes.ts'

export { createRoute, z }

export const SCOPES = ['read', 'devices', 'passwords', 'people', 'mailboxes'] as const satisfies readonly TokenScope[]

/** RFC 3339, in UTC, as answers have it. */
export const time = z.iso.datetime().openapi({ example: '2026-12-31T23:00:00.000Z' })
/** As requests may have it: with any offset. */
const givenTime = z.iso.datetime({ offset: true }).openapi({ example: '2026-12-31T23:00:00Z' })
export const moment = givenTime.transform(text => Date.parse(text))
export const momentOrNull = givenTime.nullable().transform(text => (text === null ? null : Date.parse(text)))
/** More than any name, address or network; each has its own rule, in one place, behind this. */
export const text = z.string().max(1_000)
export const texts = z.array(text).max(200)

/** As a filter: an address is a network of one. */
export const network = z
  .string()
  .max(100)
  .transform((text, context) => {
    try {
      return parseCidr(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'neither an address nor a network' })
      return z.NEVER
    }
  })
  .openapi({ type: 'string', example: '203.0.113.0/24' })

/** RFC 9562 and others: what names a thing here. */
export const id = z.string().max(100).openapi({ example: '3f9kq2m8x7t4c1vn' })
export const address = z.string().max(500).openapi({ example: 'office@example.com' })
export const login = z.string().max(500).openapi({ example: 'anna' })

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

export const page = {
  after: z.string().max(2_000).optional().openapi({ description: '`next` of the page before.' }),
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
}

export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({
    items: z.array(row).readonly(),
    next: z.string().nullable().openapi({ description: '`after` of the next page; null: this was the last one.' }),
  })
}

export const flag = z.enum(['true', 'false']).transform(word => word === 'true')

export const sendingRow = z
  .object({
    maySend: z.boolean(),
    senders: z.array(z.string()).readonly().nullable().openapi({ description: 'Addresses, `*@domain`, or `own`; null: any.' }),
    checkFrom: z.boolean(),
    recipientsPerMessage: z.int().nullable(),
    recipientsPerDay: z.int().nullable(),
    sentToday: z.int(),
  })
  .openapi('Sending')

/** What is left out stays. */
export const sendingChanges = z.strictObject({
  maySend: z.boolean().optional(),
  senders: texts.nullable().optional(),
  checkFrom: z.boolean().optional(),
  recipientsPerMessage: z.int().nullable().optional(),
  recipientsPerDay: z.int().nullable().optional(),
})

export function readSending({ checkFrom, ...changes }: z.output<typeof sendingChanges>) {
  return { ...changes, checksFrom: checkFrom }
}

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ example: 'NOT_FOUND' }),
    reason: z.string().optional(),
    detail: z.string(),
    errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem')

/** Of every operation: whatever went wrong. */
const problems = { default: { description: 'A problem (RFC 9457); `code` says which.', content: { 'application/problem+json': { schema: problem } } } } as const

export function json<Schema extends z.ZodType>(schema: Schema, description = 'Done.') {
  return { description, content: { 'application/json': { schema } } } as const
}

export function ok<Schema extends z.ZodType>(schema: Schema, description = 'As it is now.') {
  return { 200: json(schema, description), ...problems } as const
}

export function created<Schema extends z.ZodType>(schema: Schema, description = 'Made. A repeated Idempotency-Key is answered alike, without the secret.') {
  return { 201: json(schema, description), ...problems } as const
}

export function other<Type extends string>(type: Type, description: string) {
  return { 200: { description, content: { [type]: { schema: z.string() } } as Record<Type, { schema: z.ZodString }> }, ...problems } as const
}

export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

type Given<Fields> = { [Name in keyof Fields]: Exclude<Fields[Name], undefined> }

/** Fields that were left out are not there: JSON knows no undefined. */
export function given<Fields extends object>(fields: Fields): Given<Fields> {
  return fields as Given<Fields>
}

/** A token has to have this scope; none named: any token will do. */
export function needs(...scopes: TokenScope[]) {
  return [{ token: scopes }]
}

export const idempotencyKey = z.object({
  'idempotency-key': z.string().optional().openapi({ description: 'Done once within 24 hours, however often it is sent.' }),
})
