/**
 * `mailwicket complete-names KIND BEGINNING`: what the completion of a shell asks at a press of Tab. It is in no help, prints one name a line, and
 * nothing at all when it cannot: a shell that completes has no place for an error.
 */
import type { UseCaseContext } from '../../../management/use-case.ts'
import type { Names } from '../../../store/accounts/names.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { Argument, type Command, does } from '../../frame/command-frame.ts'
import { actorOf, withStore } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'

/** More than a person looks through. */
const MOST = 100

type Read = (names: Names, beginning: string, useCases: UseCaseContext) => Promise<readonly string[]> | readonly string[]

const KINDS = {
  mailboxes: (names, beginning) => names.mailboxes({ beginning, limit: MOST }),
  devices: (names, beginning) => names.devices({ beginning, limit: MOST }),
  users: (names, beginning) => names.users({ beginning, limit: MOST }),
  domains: (names, beginning) => names.domains({ beginning, limit: MOST }),
  sessions: (names, beginning) => names.sessions({ beginning, limit: MOST }),
  tokens: (names, beginning) => names.tokens({ beginning, limit: MOST }),
  invitations: (names, beginning) => names.invitations({ beginning, limit: MOST }),
  upstreams: (_, beginning, { config }) => config.upstreams.map(({ name }) => name).filter(name => name.startsWith(beginning)),
} as const satisfies Record<string, Read>

export type NameKind = keyof typeof KINDS

export function declareNames(command: Command, terminal: Terminal): void {
  command.addArgument(new Argument('<kind>', 'of what').choices(Object.keys(KINDS))).argument('[beginning]', 'how they begin')
  does(command, terminal, (context, [kind, beginning = '']) => printNames(context, kind, beginning))
}

async function printNames(context: CommandContext, kind: NameKind, beginning: string): Promise<void> {
  const read: Read = KINDS[kind]
  const found = await withStore(context, async (store, config) => read(store.as(actorOf(context)).names, beginning, { store, config })).catch(() => [])
  context.answer(found, () => found.map(name => `${name}\n`).join(''))
}
