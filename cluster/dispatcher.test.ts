import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { Accepted } from '../gateway/listen/listener.ts'
import { DISPATCH_LIMITS, Dispatcher, type Handing, type Receiver } from './dispatcher.ts'

class FakeWorker implements Receiver {
  readonly got: Handing[] = []
  hand(handing: Handing): void {
    this.got.push(handing)
  }
}

class FakeSocket extends EventEmitter {
  destroyed = false
  destroy(): void {
    this.destroyed = true
  }
}

function open(workerCount: number) {
  const dispatcher = new Dispatcher()
  const workers = Array.from({ length: workerCount }, () => new FakeWorker())
  for (const worker of workers) dispatcher.join(worker)
  const connect = (count: number) =>
    Array.from({ length: count }, () => {
      const socket = new FakeSocket()
      dispatcher.connected({ socket: socket as unknown as Socket, accepted: {} as Accepted })
      return socket
    })
  const takeAll = (worker: FakeWorker) => {
    for (const _ of worker.got) dispatcher.taken(worker)
  }
  return { dispatcher, workers: workers as [FakeWorker, FakeWorker], connect, takeAll }
}

const counts = (workers: readonly FakeWorker[]) => workers.map(({ got }) => got.length)

test.each([2, 3, 8])('%i workers that keep up get the same share of 20 and of 2,000', workerCount => {
  for (const count of [20, 2_000]) {
    const { dispatcher, workers, connect } = open(workerCount)
    for (let i = 0; i < count; i += 1) {
      connect(1)
      // Acknowledged a moment later, each at its own time.
      for (const worker of workers) if (i % 3 !== 0) dispatcher.taken(worker)
    }
    const shares = counts(workers)
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(DISPATCH_LIMITS.inFlight)
    expect(shares.reduce((sum, share) => sum + share)).toBe(count)
  }
})

test('a socket is given up here when its worker has it, not before', () => {
  const { dispatcher, workers, connect } = open(2)
  const [first, second] = connect(2)
  dispatcher.taken(workers[0])
  expect([first?.destroyed, second?.destroyed]).toEqual([true, false])
})

test('a worker that hangs keeps eight connections from the others; these get all that come after', () => {
  const { workers, connect, takeAll } = open(2)
  const [hung, well] = workers
  for (let round = 0; round < 50; round += 1) {
    connect(4)
    takeAll(well)
  }
  expect(hung.got.length).toBeLessThanOrEqual(DISPATCH_LIMITS.inFlight)
  expect(hung.got.length + well.got.length).toBe(200)
})

test('what a worker did not take when it died goes to another, and nothing is lost', () => {
  const { dispatcher, workers, connect } = open(2)
  const [dying, other] = workers
  const sockets = connect(4)
  dispatcher.taken(dying)
  dispatcher.leave(dying)
  expect(counts(workers)).toEqual([2, 3])
  expect(other.got.map(({ socket }) => sockets.indexOf(socket as unknown as FakeSocket)).sort()).toEqual([1, 2, 3])
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1)
})

test('one that drains gets no more, and keeps what it was handed', () => {
  const { dispatcher, workers, connect } = open(2)
  connect(2)
  dispatcher.pause(workers[0])
  connect(3)
  expect(counts(workers)).toEqual([1, 4])
  dispatcher.leave(workers[0])
  expect(counts(workers)).toEqual([1, 5])
})

test('while nobody serves they wait, in order, and not without end', () => {
  const { dispatcher, connect } = open(0)
  const sockets = connect(DISPATCH_LIMITS.waiting + 10)
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(10)
  const late = new FakeWorker()
  dispatcher.join(late)
  expect(late.got.map(({ socket }) => socket)).toEqual(sockets.slice(0, DISPATCH_LIMITS.inFlight))
  dispatcher.close()
  expect(sockets.every(({ destroyed }) => destroyed)).toBe(true)
})

test('a client that goes while it waits ends nothing', () => {
  const { connect } = open(0)
  const [socket] = connect(1)
  expect(() => socket?.emit('error', new Error('ECONNRESET'))).not.toThrow()
})
