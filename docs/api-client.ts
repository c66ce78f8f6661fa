/** A client of the API in TypeScript, as another project's generator makes it from the served document: the tests drive the API with it. */
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSource } from 'oazapfts'
import { describeApi } from '../api/api.ts'

/** Of no portal: whoever uses it says where the API is. */
const ORIGIN = 'https://portal.example'

export async function formatApiClient(): Promise<string> {
  // The generator takes a file or an address.
  const file = join(tmpdir(), `mailwicket-openapi-${process.pid}.json`)
  writeFileSync(file, JSON.stringify(describeApi(ORIGIN)))
  try {
    return `// @ts-nocheck: its own calls do not know exactOptionalPropertyTypes; what it exports is typed all the same.\n${await generateSource(file)}`
  } finally {
    rmSync(file, { force: true })
  }
}
