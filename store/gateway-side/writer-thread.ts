/**
 * The worker thread of the gateway's store: the only one that writes. `threaded-writer.ts` starts it and talks to it.
 *
 * One request at a time, in order; every request is answered. An error that is no answer ends the thread, and the writer starts another.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { MailwicketError } from '../../base/errors.ts'
import { LimitRecords } from '../limits/limit-records.ts'
import { openBackend } from '../open-backend.ts'
import type { Backend, Integrity } from '../schema/backend.ts'
import { checkVersion } from '../schema/migrations.ts'
import { GatewayRecords } from './gateway-records.ts'
import { forgetNodes, forgetSessions } from './purge.ts'
import type { WorkerAnswer, WorkerData, WorkerRequest } from './threaded-writer.ts'

/** A million mailboxes with a million devices (half a gigabyte) take 1.5 s from memory; a service manager waits 90 s for a start. */
const CHECK_BUDGET_MS = 10_000

async function openChecked({ store, node, now, isFirst, checksIntegrity }: WorkerData): Promise<{ backend: Backend; integrity: Integrity | undefined }> {
  const backend = await openBackend(store, 'write-records')
  try {
    await checkVersion(backend)
    // A thread that died and is started again has records waiting; the start of the gateway is the moment to look.
    const integrity = isFirst && checksIntegrity ? await backend.checkIntegrity?.({ budgetMs: CHECK_BUDGET_MS }) : undefined
    await backend.db.transaction().execute(async db => {
      if (isFirst) await forgetSessions(db, node)
      await forgetNodes(db, node, now)
    })
    return { backend, integrity }
  } catch (error) {
    await backend.close()
    throw error
  }
}

async function serve(port: MessagePort, data: WorkerData): Promise<void> {
  const { backend, integrity } = await openChecked(data)
  const records = new GatewayRecords(backend, data.node)
  const limits = new LimitRecords(backend)
  const run = async (request: WorkerRequest): Promise<void> => {
    switch (request.verb) {
      case 'record':
        return records.record(request.batch, request.now)
      case 'failures':
        return limits.record(request.failures, request.recognisedNetworks, request.now)
      case 'tag':
        return records.setTag(request.device, request.tag)
      case 'leave':
        return records.leave().finally(() => backend.close())
    }
  }
  let last: Promise<void> = Promise.resolve()
  port.on('message', (request: WorkerRequest) => {
    last = last
      .then(() => run(request))
      .then(
        () => answer(port, { id: request.id, failure: undefined }),
        (error: unknown) => answer(port, { id: request.id, failure: failureOf(error) }),
      )
  })
  answer(port, { id: 0, failure: undefined, ...(integrity === undefined ? {} : { integrity }) })
}

function answer(port: MessagePort, message: WorkerAnswer): void {
  port.postMessage(message)
}

function failureOf(error: unknown): NonNullable<WorkerAnswer['failure']> {
  if (error instanceof MailwicketError) return { code: error.code, message: error.message, remedy: error.remedy }
  return { code: 'STORE_UNAVAILABLE', message: error instanceof Error ? error.message : String(error), remedy: undefined }
}

const port = parentPort
if (port !== null) {
  await serve(port, workerData as WorkerData).catch(error => {
    answer(port, { id: 0, failure: failureOf(error) })
    port.close()
  })
}
