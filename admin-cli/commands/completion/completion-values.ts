/**
 * What may stand where a command takes a value: words that are known beforehand, names that the store is asked for, or a file. Found by the name that
 * the value has in the help, and where one name means several things, by the command.
 */
import { RIGHTS, TOKEN_SCOPES } from '../../../store/schema/rights-and-scopes.ts'
import type { Command, Option } from '../../frame/command-frame.ts'
import type { NameKind } from './names-command.ts'

export type Values = { readonly words: readonly string[] } | { readonly names: NameKind } | { readonly files: true } | undefined

const names = (kind: NameKind): Values => ({ names: kind })
const words = (...list: readonly string[]): Values => ({ words: list })
const FILES: Values = { files: true }

const BY_NAME: Readonly<Record<string, Values>> = {
  addr: names('mailboxes'),
  login: names('users'),
  domain: names('domains'),
  id: names('devices'),
  file: FILES,
  'new-file': FILES,
  dir: FILES,
  folder: FILES,
  scopes: words('imap', 'smtp', 'imap,smtp'),
  rights: words(...RIGHTS),
  senders: words('own', 'any'),
}

/** `command value`: where the name alone would mean something else. */
const BY_PLACE: Readonly<Record<string, Values>> = {
  'mailbox add addr': undefined,
  'mailbox add --login': undefined,
  'mailbox set --login': undefined,
  'user add login': undefined,
  'invite add --mail-to': undefined,
  'mailbox add --upstream': names('upstreams'),
  'mailbox set --upstream': names('upstreams'),
  'mailbox list --upstream': names('upstreams'),
  'device list --upstream': names('upstreams'),
  'session list --upstream': names('upstreams'),
  'invite revoke id': names('invitations'),
  'token revoke id': names('tokens'),
  'session kick id': names('sessions'),
  'token add --scope': words(...TOKEN_SCOPES),
  'device set --user': names('users'),
}

function valuesOf(place: string, name: string): Values {
  return Object.hasOwn(BY_PLACE, place) ? BY_PLACE[place] : BY_NAME[name]
}

/** Undefined: it takes none, or anything. */
export function valuesOfOption(path: string, option: Option): Values {
  if (option.argChoices !== undefined) return words(...option.argChoices)
  const name = /<([^>]*)>/.exec(option.flags)?.[1] ?? ''
  return name.includes('|') ? words(...name.split('|')) : valuesOf(`${path} ${option.long}`, name)
}

/** Of each argument in turn; the last one may be repeated. */
export function valuesOfArguments(path: string, command: Command): readonly { readonly values: Values; readonly isRepeated: boolean }[] {
  return command.registeredArguments.map(argument => ({
    values: argument.argChoices === undefined ? valuesOf(`${path} ${argument.name()}`, argument.name()) : words(...argument.argChoices),
    isRepeated: argument.variadic,
  }))
}
