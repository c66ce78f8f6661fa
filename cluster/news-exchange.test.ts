/** Counts of the machine: two processes and their supervisor in one, with the messages between them. */
import { expect, test, vi } from 'vitest'
import { Machine, type News } from '../gateway/machine/machine.ts'
import { NewsExchange } from './news-exchange.ts'

const BATCH = 50

function open(workers: number) {
  vi.useFakeTimers()
  const machines = new Map<number, Machine>()
  const exchange = new NewsExchange<number>((worker, news) => machines.get(worker)?.hear(structuredClone(news)))
  const start = (worker: number): Machine => {
    const machine = new Machine({ workers, key: new Uint8Array(32), ticketKeys: Buffer.alloc(48), send: (news: News) => exchange.heard(worker, news) })
    machine.hear(exchange.join(worker))
    machines.set(worker, machine)
    return machine
  }
  for (let worker = 1; worker <= workers; worker += 1) start(worker)
  const machine = (worker: number) => machines.get(worker) as Machine
  return { exchange, machine, start }
}

test('what one counts, all count a moment later', () => {
  const { machine } = open(3)
  machine(1).counts.add('device', 2)
  machine(2).counts.add('device', 1)
  expect([1, 2, 3].map(worker => machine(worker).counts.count('device'))).toEqual([2, 1, 0])
  vi.advanceTimersByTime(BATCH)
  expect([1, 2, 3].map(worker => machine(worker).counts.count('device'))).toEqual([3, 3, 3])
})

test('what a worker had is taken back when it dies, and its successor knows what the others have', () => {
  const { exchange, machine, start } = open(2)
  machine(1).counts.add('device', 5)
  machine(2).counts.add('device', 1)
  vi.advanceTimersByTime(BATCH)
  exchange.leave(1)
  expect(machine(2).counts.count('device')).toBe(1)
  expect(start(1).counts.count('device')).toBe(1)
})

test('who waits for room is told when another process gives some back', () => {
  const { machine } = open(2)
  const told = vi.fn()
  machine(1).counts.onRoom(told)
  machine(2).counts.add('tries', 1)
  vi.advanceTimersByTime(BATCH)
  expect(told).not.toHaveBeenCalled()
  machine(2).counts.add('tries', -1)
  vi.advanceTimersByTime(BATCH)
  expect(told).toHaveBeenCalledOnce()
})

test('wrong secrets and answers to migration passwords reach the others, not who told them', () => {
  const { machine } = open(2)
  const heard: unknown[] = []
  for (const worker of [1, 2]) {
    machine(worker).onFailures(failures => heard.push([worker, failures]))
    machine(worker).onMigration(answers => heard.push([worker, answers]))
  }
  machine(1).failed(['block', '192.0.2.1', 77])
  machine(1).answered(['key', 'refused'])
  vi.advanceTimersByTime(BATCH)
  expect(heard).toEqual([
    [2, [['block', '192.0.2.1', 77]]],
    [2, [['key', 'refused']]],
  ])
})

test('all derive the same keys, another one for each purpose; and together the parts of a cap are not less than the cap', () => {
  const { machine } = open(3)
  expect(machine(1).keyFor('a')).toEqual(machine(2).keyFor('a'))
  expect(machine(1).keyFor('a')).not.toEqual(machine(1).keyFor('b'))
  expect(3 * machine(1).shareOf(10)).toBeGreaterThanOrEqual(10)
  expect(new Machine().keyFor('a')).not.toEqual(new Machine().keyFor('a'))
  expect(new Machine().shareOf(10)).toBe(10)
})
