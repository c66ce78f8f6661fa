/** `/devices/{id}/profile` and `/qr`: what sets up an app, with a password that is checked, used and forgotten. Made by what is handed in (`DeviceSetup`). */
import type { Context } from 'hono'
import { MailwicketError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { checkDevicePassword, getDevice } from '../../management/devices/manage-devices.ts'
import { listAppSettings } from '../../management/mailboxes/app-settings.ts'
import type { Api, ApiEnv, SetupSubject } from '../api-services.ts'
import { body, createRoute, id, idempotencyKey, needs, other, text, z } from '../schemas.ts'

const tags = ['Devices']
const request = {
  params: z.object({ id }),
  headers: idempotencyKey,
  body: body(z.strictObject({ password: text.openapi({ description: 'Of the device.', format: 'password' }) })),
}

/** Throws NOT_FOUND, NOT_ALLOWED, BAD_INPUT (not the password of the device). */
async function findSubject(context: Context<ApiEnv>, ref: string, given: string): Promise<SetupSubject> {
  const [useCases, actor, password] = [context.get('useCases'), context.get('actor'), Secret.fromText(given)]
  const isPassword = await checkDevicePassword(useCases, actor, { ref, password })
  if (!isPassword) throw new MailwicketError('BAD_INPUT', { message: 'this is not the password of the device' })
  const { device } = await getDevice(useCases, { ...actor, scopes: [...actor.scopes, 'read'] }, ref)
  return { device, password, settings: listAppSettings(useCases.config, device.mailbox, device.scopes) }
}

function cannot(what: string): MailwicketError {
  return new MailwicketError('BAD_INPUT', { message: `${what} cannot be made for this device: type its settings instead` })
}

export function addDeviceSetupRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'makeAppleProfile',
      method: 'post',
      path: '/devices/{id}/profile',
      tags,
      summary: 'An Apple profile of the device, with its password in it',
      security: needs('passwords'),
      request,
      responses: other('application/x-apple-aspen-config', 'The profile, signed where the portal has a certificate for it.'),
    }),
    async context => {
      const subject = await findSubject(context, context.req.valid('param').id, context.req.valid('json').password)
      const profile = await context.get('services').setup.profile?.(subject)
      if (profile === undefined) throw cannot('a profile')
      return new Response(profile, { headers: { 'content-type': 'application/x-apple-aspen-config' } })
    },
  )
  api.openapi(
    createRoute({
      operationId: 'makeThunderbirdSquare',
      method: 'post',
      path: '/devices/{id}/qr',
      tags,
      summary: 'The square that sets up Thunderbird on Android, with the password in it, as SVG',
      security: needs('passwords'),
      request,
      responses: other('image/svg+xml', 'The square.'),
    }),
    async context => {
      const subject = await findSubject(context, context.req.valid('param').id, context.req.valid('json').password)
      const qr = await context.get('services').setup.qr?.(subject)
      if (qr === undefined) throw cannot('a square')
      return new Response(qr, { headers: { 'content-type': 'image/svg+xml' } })
    },
  )
}
