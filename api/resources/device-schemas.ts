/** Devices as the API takes and gives them. */

import { toDeviceDetails } from '../../management/devices/device-json.ts'
import type { DeviceState, DeviceWithPassword } from '../../management/devices/manage-devices.ts'
import { toSendingJson } from '../../management/mailboxes/mailbox-json.ts'
import { id, login, momentOrNull, sendingChanges, sendingRow, text, texts, time, z } from '../schemas.ts'
import { showOnce } from '../shown-once.ts'

const scopes = z.array(z.enum(['imap', 'smtp'])).max(10)
const connection = { at: time, ip: z.string(), protocol: z.enum(['imap', 'submission']), app: z.string().nullable() }

const common = {
  id,
  mailbox: z.string(),
  mailboxState: z.enum(['active', 'disabled']),
  name: z.string(),
  state: z.enum(['active', 'legacy', 'disabled', 'expired', 'revoked']),
  scopes: scopes.readonly(),
  user: z.string().nullable().openapi({ description: 'Login of the person it is linked to.' }),
  userState: z.enum(['active', 'blocked']).nullable(),
  expiresAt: time.nullable(),
  sessions: z.int().openapi({ description: 'Live ones.' }),
}

export const deviceRow = z.object({ ...common, lastConnection: z.object(connection).nullable() }).openapi('DeviceRow')

const facts = {
  ...common,
  allowFrom: z.array(z.string()).readonly().openapi({ description: 'Networks; none: everywhere.' }),
  password: z.enum(['generated', 'chosen', 'imported', 'legacy']).openapi({ description: 'How its password was made.' }),
  createdAt: time,
  passwordChangedAt: time,
  revokedAt: time.nullable(),
  lastConnection: z.object({ ...connection, tls: z.string().nullable(), node: z.string() }).nullable(),
}

export const deviceDetails = z.object({ ...facts, sending: sendingRow }).openapi('Device')
export const endedDevice = z.object({ ...facts, ended: z.int().openapi({ description: 'Live sessions that end.' }) }).openapi('DisconnectedDevice')

export const deviceWithPassword = z
  .object({
    device: deviceDetails,
    password: z.string().nullable().openapi({ description: 'Shown in this one answer; null where an Idempotency-Key was repeated.' }),
    settings: z
      .array(
        z.object({
          protocol: z.enum(['imap', 'submission']),
          server: z.string(),
          port: z.int().nullable(),
          security: z.enum(['implicit', 'starttls']),
          userName: z.string(),
        }),
      )
      .readonly(),
  })
  .openapi('DeviceWithPassword')

export const newDevice = z.strictObject({
  name: text,
  user: login.nullable().optional().openapi({ description: 'Whose it is; nobody’s when left out.' }),
  scopes: scopes.optional().openapi({ description: 'Both when left out.' }),
  expiresAt: momentOrNull.optional(),
  allowFrom: texts.optional(),
  password: text.optional().openapi({ description: 'A chosen one; one is generated when left out.', format: 'password' }),
})

/** What is left out stays. */
export const deviceChanges = z.strictObject({
  name: text.optional(),
  user: login.nullable().optional(),
  scopes: scopes.optional(),
  expiresAt: momentOrNull.optional(),
  allowFrom: texts.optional(),
  state: z.enum(['active', 'disabled']).optional().openapi({ description: '`disabled`: paused.' }),
  sending: sendingChanges.optional(),
})

export function toDetails({ device, sending }: DeviceState) {
  return { ...toDeviceDetails(device), sending: toSendingJson(sending) }
}

export function toShown(made: DeviceWithPassword): z.output<typeof deviceWithPassword> {
  return { device: toDetails(made), password: showOnce(made.password), settings: made.settings }
}
