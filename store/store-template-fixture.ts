/**
 * One store made once a run, of which each test's store begins as a copy: making one (schema, pepper, durable writes) takes longer than most tests.
 * Vitest calls `setup` before the first file of a project, and hands the folder to every worker.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createKeyFile, keyFilePath } from './keys/master-key.ts'
import type { StoreConfig } from './open-backend.ts'
import { createStore } from './open-store.ts'
import { PostgresServer } from './postgres-server-fixture.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly storeTemplate: StoreTemplate
  }
}

export interface StoreTemplate {
  readonly keyPath: string
  readonly sqlitePath: string
  /** In the project `postgres`: the port of a server that has the template as a database. */
  readonly postgresPort: number | undefined
  /** When it was made, milliseconds since 1970. */
  readonly at: number
}

export const TEMPLATE_DATABASE = 'mailwicket_template'
export const TEMPLATE_AT = Date.UTC(2026, 10, 22, 6)
export const ACTOR = { name: 'root', source: 'cli' } as const

export async function setup(project: TestProject): Promise<() => void> {
  const dir = mkdtempSync(join(tmpdir(), 'mailwicket-template-'))
  const keyPath = keyFilePath(dir)
  const sqlitePath = join(dir, 'data', 'mailwicket.db')
  const keyring = createKeyFile(keyPath)
  const make = async (store: StoreConfig) => {
    const made = await createStore({ config: { store, generatedOnly: false }, keyring, actor: ACTOR, now: () => TEMPLATE_AT })
    await made.close()
  }
  await make({ url: 'sqlite:mailwicket.db', sqlitePath })
  const server = project.name === 'postgres' ? await PostgresServer.start() : undefined
  if (server !== undefined) {
    server.sql('postgres', `create database ${TEMPLATE_DATABASE}`)
    await make({ url: server.url(TEMPLATE_DATABASE), postgres: server.config(TEMPLATE_DATABASE) })
  }
  project.provide('storeTemplate', { keyPath, sqlitePath, postgresPort: server?.port, at: TEMPLATE_AT })
  return () => {
    server?.remove()
    rmSync(dir, { recursive: true, force: true })
  }
}
