/**
 * `node docs/generate.ts` writes the pages that are made from the code; with `--check` it writes nothing and
 * exits with 1 when a page is not what the code would make.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatPages } from './pages.ts'

const directory = import.meta.dirname
const isCheck = process.argv.includes('--check')

for (const [name, text] of await formatPages(join(directory, '..'))) {
  const file = join(directory, name)
  if (readIfThere(file) === text) continue
  if (isCheck) {
    console.error(`docs/${name} is stale: run \`npm run docs\`.`)
    process.exitCode = 1
  } else {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(`docs/${name} written.`)
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
