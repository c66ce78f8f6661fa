/** `npm run architecture`: prints the folders of the product with what each imports, and writes the pictures of docs/architecture.md. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatArchitecturePage, formatTree } from './import-picture.ts'
import { readSources } from './source-files.ts'

const root = join(import.meta.dirname, '..')
const sources = readSources(root)
process.stdout.write(formatTree(sources))
writeFileSync(join(root, 'docs/architecture.md'), formatArchitecturePage(root, sources))
