/** The five rights at a mailbox as the API takes and gives them. */
import { z } from '../schemas.ts'

const words = { use: z.boolean(), make: z.boolean(), see: z.boolean(), send: z.boolean(), manage: z.boolean() }

export const rightsRow = z.object(words).openapi('Rights')
export const rightsAt = z.object({ mailbox: z.string(), ...words }).openapi('RightsAtMailbox')
/** What is left out stays, or is not given. */
export const rights = z.strictObject(words).partial()
/** All five. */
export const allRights = z.strictObject(words)
