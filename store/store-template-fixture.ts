/**
 * One store made once a run, of which each test's store begins as a copy: making one (schema, pepper, durable writes) takes longer than most tests.
 * Vitest calls `setup` before the first file of a project, and hands the folder to every worker.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createKeyFile, keyFilePath } from './keys/master-key.ts'
import { createStore } from './open-store.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly storeTemplate: StoreTemplate
  }
}

export interface StoreTemplate {
  readonly keyPath: string
  readonly sqlitePath: string
  /** When it was made, milliseconds since 1970. */
  readonly at: number
}

export const TEMPLATE_AT = Date.UTC(2026, 10, 22, 6)
export const ACTOR = { name: 'root', source: 'cli' } as const

export async function setup(project: TestProject): Promise<() => void> {
  const dir = mkdtempSync(join(tmpdir(), 'mailwicket-template-'))
  const keyPath = keyFilePath(dir)
  const sqlitePath = join(dir, 'data', 'mailwicket.db')
  const store = await createStore({
    config: { store: { url: 'sqlite:mailwicket.db', sqlitePath }, generatedOnly: false },
    keyring: createKeyFile(keyPath),
    actor: ACTOR,
    now: () => TEMPLATE_AT,
  })
  await store.close()
  project.provide('storeTemplate', { keyPath, sqlitePath, at: TEMPLATE_AT })
  return () => rmSync(dir, { recursive: true, force: true })
}
