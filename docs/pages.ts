/** The pages that are made from the code: path from docs/ and text. */
import { Readable } from 'node:stream'
import type { Command } from '../admin-cli/frame/command-frame.ts'
import { buildProgram } from '../admin-cli/program.ts'
import { VERSION } from '../base/version.ts'
import { formatApiClient } from './api-client.ts'
import { formatConfigurationPage } from './configuration-page.ts'
import { formatErrorsPage } from './errors-page.ts'
import { formatArchitecturePage } from './import-picture.ts'
import { formatJsonPage } from './json-page.ts'
import { formatConfigManPage, formatManPage } from './man-pages.ts'
import { formatMonitoringPage } from './monitoring-page.ts'
import { formatPermissionsPage } from './permissions-page.ts'
import { readSources } from './source-files.ts'
import { formatStandardsPage } from './standards-page.ts'
import { formatUpstreamsPage } from './upstreams-page.ts'

/** `root` is the directory of the repository. */
export async function formatPages(root: string): Promise<ReadonlyMap<string, string>> {
  const program = await declareProgram()
  return new Map([
    ['architecture.md', formatArchitecturePage(root, readSources(root))],
    ['configuration.md', formatConfigurationPage()],
    ['errors.md', formatErrorsPage()],
    ['json.md', formatJsonPage()],
    ['monitoring.md', formatMonitoringPage(root)],
    ['permissions.md', formatPermissionsPage()],
    ['standards.md', formatStandardsPage(root)],
    ['upstreams.md', formatUpstreamsPage(root)],
    ['../packaging/man/mailwicket.1', formatManPage(program)],
    ['../packaging/man/mailwicket.toml.5', formatConfigManPage()],
    ['../test/73-api/generated-client.ts', await formatApiClient()],
  ])
}

/** Every command, declared for what it says of itself; none is run. */
function declareProgram(): Promise<Command> {
  const silent = { write: () => true }
  const never = () => () => {}
  return buildProgram(
    ['completion'],
    {
      ...{ stdin: Readable.from([]), stdout: silent, stderr: silent, env: {}, cwd: '/', operator: '', origin: '', now: () => 0 },
      ...{ onSignal: never, onOutputClosed: () => {}, onOutputFailed: () => {}, onDefect: () => {}, exit: () => {} },
    },
    VERSION,
  )
}
