import { describe, expect, test } from 'vitest'
import { Unauthenticated } from './unauthenticated.ts'

function openRoom(caps: { inAll: number; perBlock: number }) {
  const room = new Unauthenticated(caps)
  const gone: string[] = []
  const enter = (name: string, block: string | undefined, isOnItsWay = false) =>
    room.enter(block, () => {
      if (!isOnItsWay) gone.push(name)
      return !isOnItsWay
    })
  return { room, gone, enter }
}

describe('connections that are not logged in', () => {
  test('above the cap of all, the oldest gives way', () => {
    const { room, gone, enter } = openRoom({ inAll: 3, perBlock: 100 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name, name)
    expect(gone).toEqual(['a', 'b'])
    expect(room.size).toBe(3)
  })

  test('above the cap of a block, the oldest of the same block', () => {
    const { gone, enter } = openRoom({ inAll: 100, perBlock: 2 })
    enter('other', '192.0.2.1')
    for (const name of ['a', 'b', 'c']) enter(name, '198.51.100.66')
    expect(gone).toEqual(['a'])
  })

  test('one that is on its way in stays, the next oldest goes', () => {
    const { gone, enter } = openRoom({ inAll: 2, perBlock: 100 })
    enter('proved', '192.0.2.1', true)
    enter('silent', '192.0.2.2')
    enter('new', '192.0.2.3')
    expect(gone).toEqual(['silent'])
  })

  test('who left makes room', () => {
    const { room, gone, enter } = openRoom({ inAll: 2, perBlock: 2 })
    const place = enter('a', '192.0.2.1')
    place.leave()
    place.leave()
    enter('b', '192.0.2.1')
    enter('c', '192.0.2.1')
    expect(gone).toEqual([])
    expect(room.size).toBe(2)
  })

  test('no cap of a block holds where none is counted', () => {
    const { gone, enter } = openRoom({ inAll: 100, perBlock: 1 })
    for (const name of ['a', 'b', 'c']) enter(name, undefined)
    expect(gone).toEqual([])
  })
})
