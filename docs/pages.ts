/** The pages that are made from the code: name in docs/ and text. */
import { formatConfigurationPage } from './configuration-page.ts'
import { formatErrorsPage } from './errors-page.ts'
import { formatArchitecturePage } from './import-picture.ts'
import { formatMonitoringPage } from './monitoring-page.ts'
import { formatPermissionsPage } from './permissions-page.ts'
import { readSources } from './source-files.ts'
import { formatStandardsPage } from './standards-page.ts'
import { formatUpstreamsPage } from './upstreams-page.ts'

/** `root` is the directory of the repository. */
export function formatPages(root: string): ReadonlyMap<string, string> {
  return new Map([
    ['architecture.md', formatArchitecturePage(root, readSources(root))],
    ['configuration.md', formatConfigurationPage()],
    ['errors.md', formatErrorsPage()],
    ['monitoring.md', formatMonitoringPage(root)],
    ['permissions.md', formatPermissionsPage()],
    ['standards.md', formatStandardsPage(root)],
    ['upstreams.md', formatUpstreamsPage(root)],
  ])
}
