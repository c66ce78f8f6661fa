/** docs/permissions.md, from the table of permissions. */
import { ACTIONS, type ActionRow, type Grant } from '../management/permissions.ts'
import { formatTable, generatedNotice } from './markdown.ts'

const INTRODUCTION = `# Who may do what

One table decides for the pages, the API and the commands. Whoever may run commands on the machine may do everything.

* An **administrator** may do everything here. There is always one: the last one cannot be removed, blocked or lowered.
* A **manager** looks after the mailboxes of some domains.
* At a single mailbox a person may have five rights. **use**: connect the devices that were given to them. **make**: make devices for themselves. **see**: see the activity of the whole mailbox.
  **manage**: all of its devices and people. **send**: send from it; without this right their devices read only.

*own*: devices that are linked to oneself, what was done by oneself, and oneself. What lies outside of somebody's reach is answered like what is not there; what lies inside, with a right missing, is refused as
\`NOT_ALLOWED\`. An API token does what its owner may at that moment, within its domains, and only with the scope of the last column.
`

const RULES = `## What the table does not say

* Nobody gives a right that they do not have. Who may not send from a mailbox makes no device that sends for nobody or for somebody else, and learns no password of one.
* Somebody with *manage* links devices to the people of the mailbox; other accounts are not there for them.
* A manager looks after people all of whose rights lie in their domains, never after administrators and managers.
* A manager adds mailboxes at the server of the domain, with the address as the login there. Under a master user another login would be somebody else's mail.
`

const WORDS: Readonly<Record<Grant, string>> = { yes: '✓', own: 'own', no: '–' }

export function formatPermissionsPage(): string {
  const head = ['', 'administrator', 'manager', 'manage', 'make', 'use', 'see', 'scope of a token']
  const rows = Object.entries<ActionRow>(ACTIONS).map(([action, { says, scope, administrator, manager, manage, make, use, see }]) => [
    `${says} (\`${action}\`)`,
    ...[administrator, manager, manage, make, use, see].map(grant => WORDS[grant]),
    `\`${scope}\``,
  ])
  return [generatedNotice('`management/permissions.ts`'), INTRODUCTION, formatTable(head, rows), RULES].join('\n')
}
