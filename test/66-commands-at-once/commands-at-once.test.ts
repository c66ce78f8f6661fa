/** Many commands at once, each a process of its own, while a gateway writes too: each gets its turn. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Mailwicket, type NewDevice } from '../fixtures/program/mailwicket.ts'

const user = 'anna@example.com'
let gateway: Mailwicket

beforeAll(async () => {
  gateway = await Mailwicket.open({ upstreams: [{ name: 'main', domains: ['example.com'], address: '127.0.0.1:1', tls: 'none' }] })
  await gateway.json(['mailbox', 'add', user, '--no-secret'])
  await gateway.serve()
})
afterAll(() => gateway?.close())

test('twenty devices are added at once, and all are there', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `Device ${String(n).padStart(2, '0')}`)
  const added = await Promise.all(names.map(name => gateway.json<NewDevice>(['device', 'add', user, name])))
  expect(new Set(added.map(({ password }) => password)).size).toBe(20)
  expect((await gateway.listDevices()).map(({ name }) => name)).toEqual(names)
})

test('of ten that add the same device one does, and the others are told that it exists', async () => {
  const ends = await Promise.all(Array.from({ length: 10 }, () => gateway.run(['device', 'add', user, 'Shared', '--json'])))
  const codes = ends.map(({ code, stderr }) => (code === 0 ? 'done' : (JSON.parse(stderr) as { error: { code: string } }).error.code))
  expect(codes.sort()).toEqual([...Array.from({ length: 9 }, () => 'ALREADY_EXISTS'), 'done'])
})
