/** `/devices` and those of a mailbox: looking at them, adding, changing, disconnecting; a new password. */
import type { Context } from 'hono'
import { Secret } from '../../base/secret.ts'
import type { ApiToken } from '../../management/actor.ts'
import { toDeviceDetails, toDeviceRow } from '../../management/devices/device-json.ts'
import { disconnectDevices } from '../../management/devices/disconnect-devices.ts'
import { addDevice, changePassword, getDevice, setDevice } from '../../management/devices/manage-devices.ts'
import { listAppSettings } from '../../management/mailboxes/app-settings.ts'
import { pageDevices } from '../../management/page-lists.ts'
import type { UseCaseContext } from '../../management/use-case.ts'
import type { Api, ApiEnv } from '../api-services.ts'
import { makeOnce } from '../keyed-post.ts'
import { address, body, created, createRoute, flag, id, idempotencyKey, login, needs, ok, page, pageOf, readSending, text, z } from '../schemas.ts'
import { deviceChanges, deviceDetails, deviceRow, deviceWithPassword, endedDevice, newDevice, toDetails, toShown } from './device-schemas.ts'

const tags = ['Devices']
const params = z.object({ id })
const ofMailbox = z.object({ address })

const filters = z.strictObject({
  ...page,
  q: text.optional().openapi({ description: 'A part of the name.' }),
  user: login.optional(),
  state: z.enum(['active', 'disabled', 'revoked']).optional(),
  connected: flag.optional(),
})

async function listDevices(context: Context<ApiEnv>, { q, user, state, connected, after, limit }: z.output<typeof filters>, mailbox?: string) {
  const filter = { mailbox, search: q, user, state, isConnected: connected }
  const { rows, next } = await pageDevices(context.get('useCases'), context.get('actor'), { filter, after, limit })
  return { items: rows.map(toDeviceRow), next }
}

async function withoutPassword(useCases: UseCaseContext, actor: ApiToken, ref: string) {
  const state = await getDevice({ ...useCases, around: undefined }, actor, ref)
  const { mailbox, scopes } = state.device
  return { device: toDetails(state), password: null, settings: listAppSettings(useCases.config, mailbox, scopes) }
}

export function addDeviceRoutes(api: Api): void {
  api.openapi(
    createRoute({
      operationId: 'listDevices',
      method: 'get',
      path: '/devices',
      tags,
      summary: 'Devices, by mailbox and name',
      security: needs('read'),
      request: { query: filters },
      responses: ok(pageOf(deviceRow)),
    }),
    async context => context.json(await listDevices(context, context.req.valid('query')), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'listMailboxDevices',
      method: 'get',
      path: '/mailboxes/{address}/devices',
      tags,
      summary: 'Devices of a mailbox, by name',
      security: needs('read'),
      request: { params: ofMailbox, query: filters },
      responses: ok(pageOf(deviceRow)),
    }),
    async context => context.json(await listDevices(context, context.req.valid('query'), context.req.valid('param').address), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'addDevice',
      method: 'post',
      path: '/mailboxes/{address}/devices',
      tags,
      summary: 'Add a device; its password is in this answer only',
      security: needs('passwords'),
      request: { params: ofMailbox, headers: idempotencyKey, body: body(newDevice) },
      responses: created(deviceWithPassword),
    }),
    async context => {
      const { password, ...wanted } = context.req.valid('json')
      const [mailbox, actor] = [context.req.valid('param').address, context.get('actor')]
      const chosen = password === undefined ? {} : { password: Secret.fromText(password) }
      const made = await makeOnce(context, {
        make: useCases => addDevice(useCases, actor, { mailbox, ...wanted, ...chosen }),
        where: ({ device }) => device.id,
        body: toShown,
        again: (where, seeing) => withoutPassword(context.get('useCases'), seeing, where),
      })
      return context.json(made, 201)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'getDevice',
      method: 'get',
      path: '/devices/{id}',
      tags,
      summary: 'A device',
      security: needs('read'),
      request: { params },
      responses: ok(deviceDetails),
    }),
    async context => context.json(toDetails(await getDevice(context.get('useCases'), context.get('actor'), context.req.valid('param').id)), 200),
  )
  api.openapi(
    createRoute({
      operationId: 'changeDevice',
      method: 'patch',
      path: '/devices/{id}',
      tags,
      summary: 'Rename, pause, resume, or change the rules of a device; what is left out stays',
      security: needs('devices'),
      request: { params, body: body(deviceChanges) },
      responses: ok(deviceDetails),
    }),
    async context => {
      const { name, state, sending, ...terms } = context.req.valid('json')
      const ref = context.req.valid('param').id
      const input = { ref, name, state, terms, sending: sending === undefined ? undefined : readSending(sending) }
      return context.json(toDetails(await setDevice(context.get('useCases'), context.get('actor'), input)), 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'disconnectDevice',
      method: 'delete',
      path: '/devices/{id}',
      tags,
      summary: 'Disconnect a device, for good',
      security: needs('devices'),
      request: { params },
      responses: ok(endedDevice, 'Its password is over, and its sessions end.'),
    }),
    async context => {
      const ref = context.req.valid('param').id
      const { devices, sessions } = await disconnectDevices(context.get('useCases'), context.get('actor'), { refs: [ref] })
      const [device] = devices
      if (device === undefined) throw new Error('disconnecting gave no device')
      return context.json({ ...toDeviceDetails(device), ended: sessions }, 200)
    },
  )
  api.openapi(
    createRoute({
      operationId: 'changeDevicePassword',
      method: 'post',
      path: '/devices/{id}/password',
      tags,
      summary: 'Give a device another password, generated or chosen; it is in this answer only',
      security: needs('passwords'),
      request: { params, headers: idempotencyKey, body: { content: body(z.strictObject({ password: newDevice.shape.password })).content } },
      responses: created(deviceWithPassword),
    }),
    async context => {
      const { password } = context.req.valid('json')
      const [ref, actor] = [context.req.valid('param').id, context.get('actor')]
      const chosen = password === undefined ? undefined : Secret.fromText(password)
      const made = await makeOnce(context, {
        make: useCases => changePassword(useCases, actor, { ref, password: chosen }),
        where: ({ device }) => device.id,
        body: toShown,
        again: (where, seeing) => withoutPassword(context.get('useCases'), seeing, where),
      })
      return context.json(made, 201)
    },
  )
}
