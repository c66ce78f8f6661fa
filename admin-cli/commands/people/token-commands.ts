/**
 * `mailwicket token …`: tokens of the HTTP API. A token does what its owner may at that moment, and only what its scopes say.
 */
import { MailwicketError } from '../../../base/errors.ts'
import { toTokenRow } from '../../../management/sign-in/sign-in-json.ts'
import { TOKEN_SCOPES, type TokenScope } from '../../../store/schema/rights-and-scopes.ts'
import type { ApiToken } from '../../../store/sign-in/api-tokens.ts'
import { addListOptions, answerList, type ListOptions, type ListShape } from '../../frame/answer-list.ts'
import type { CommandContext } from '../../frame/command-context.ts'
import { addExamples, type Command, collect, does } from '../../frame/command-frame.ts'
import { addSureOptions, type SureOptions } from '../../frame/confirm.ts'
import { formatEnd, formatRelative } from '../../frame/moment.ts'
import { manage } from '../../frame/store-access.ts'
import type { Terminal } from '../../frame/terminal.ts'
import { parseAllowFrom, parseExpires } from '../devices/device-options.ts'

interface AddOptions {
  readonly scope: string
  readonly domain?: readonly string[]
  readonly allowFrom?: readonly string[]
  readonly expires?: string
}

export function declareToken(token: Command, terminal: Terminal): void {
  addExamples(token, ['token add anna billing --scope read', 'for a script that only looks'])

  const add = token.command('add <login> <name>').description('make a token of a user and print it, once')
  add.requiredOption('--scope <scopes>', `some of ${TOKEN_SCOPES.join(',')}`)
  add.option('--domain <domain>', 'nothing outside of this domain; may be repeated', collect)
  add.option('--allow-from <cidr>', 'address or network it may be used from; may be repeated', collect)
  add.option('--expires <when>', '7d, 12h, 2w … or a date; with passwords or people within a year, and without --allow-from within 90 days')
  addExamples(
    does(add, terminal, (context, [login, name], options) => addToken(context, login, name, options)),
    ['token add anna billing --scope read --domain example.com', 'reads what Anna may see of one domain'],
    ['token add anna onboarding --scope read,passwords --allow-from 203.0.113.0/24 --expires 90d', 'makes devices, from one network'],
  )

  const list = token.command('list').description('list tokens; never the tokens themselves')
  list.option('--user <login>', 'only those of this user')
  addListOptions(list, 'at most so many, the newest first')
  addExamples(
    does(list, terminal, (context, _, options) => listTokens(context, options)),
    ['token list', 'who may do what by script, and when it was used last'],
  )

  const revoke = token.command('revoke <id...>').description('end tokens at once. “-”: one ID a line of standard input')
  addSureOptions(revoke)
  addExamples(
    does(revoke, terminal, (context, [ids], options) => revokeTokens(context, ids, options)),
    ['token revoke 3f9kq2m8x7t4c1vn', 'the script is gone, or the token got out'],
  )
}

/** Throws BAD_INPUT. */
function parseTokenScopes(text: string): readonly TokenScope[] {
  const words = text.split(',').map(word => word.trim().toLowerCase())
  const wrong = words.find(word => !TOKEN_SCOPES.includes(word as TokenScope))
  if (wrong !== undefined)
    throw new MailwicketError('BAD_INPUT', { message: `--scope: “${wrong.slice(0, 60)}” is no scope.`, remedy: `The scopes are ${TOKEN_SCOPES.join(', ')}.` })
  return TOKEN_SCOPES.filter(scope => words.includes(scope))
}

async function addToken(context: CommandContext, login: string, name: string, options: AddOptions): Promise<void> {
  const [{ addToken: add }, { revealPassword }] = await Promise.all([
    import('../../../management/sign-in/manage-sign-in.ts'),
    import('../devices/device-password.ts'),
  ])
  const wanted = {
    login,
    name,
    scopes: parseTokenScopes(options.scope),
    domains: options.domain,
    ...(options.allowFrom === undefined ? {} : { allowFrom: await parseAllowFrom(options.allowFrom) }),
    ...(options.expires === undefined ? {} : { endsAt: parseExpires(options.expires, context.terminal.now()) }),
  }
  const { token, record } = await manage(context, (useCases, operator) => add(useCases, operator, wanted))
  const shown = revealPassword(token)
  context.answer({ ...toTokenRow(record), token: shown }, () => `${shown}\n`)
  context.remark('It is shown this once. Lost it? Revoke it, and make another.')
}

const TOKEN_LIST: ListShape<ApiToken> = {
  columns: [
    { head: 'id', rank: 1, cell: token => token.id },
    { head: 'name', rank: 1, least: 8, cell: token => token.name },
    { head: 'begins', rank: 7, cell: token => `${token.beginning}…` },
    { head: 'user', rank: 2, least: 8, cell: token => token.user },
    { head: 'scopes', rank: 4, least: 10, cell: token => token.scopes.join(',') },
    { head: 'domains', rank: 6, least: 8, cell: token => token.domains.join(',') || 'all' },
    { head: 'until', rank: 5, cell: ({ endsAt }, now) => (endsAt === null ? '-' : formatEnd(endsAt, now)) },
    { head: 'used', rank: 3, cell: ({ usedAt, usedIp }, now) => (usedAt === null ? 'never' : `${formatRelative(usedAt, now)} from ${usedIp}`) },
  ],
  toJson: toTokenRow,
  whenEmpty: 'No tokens.',
}

async function listTokens(context: CommandContext, { user, limit }: ListOptions & { user?: string }): Promise<void> {
  const { readTokens } = await import('../../../management/sign-in/manage-sign-in.ts')
  await manage(context, (useCases, operator) => answerList(context, readTokens(useCases, operator, { login: user, limit }), TOKEN_LIST))
}

async function revokeTokens(context: CommandContext, ids: readonly string[], options: SureOptions): Promise<void> {
  const [{ endThings }, { getToken, revokeToken }] = await Promise.all([
    import('../../frame/end-things.ts'),
    import('../../../management/sign-in/manage-sign-in.ts'),
  ])
  await endThings(context, ids, options, {
    find: (useCases, operator, id) => getToken(useCases, operator, { id }),
    ask: ([one, ...others]) => (others.length === 0 ? `Revoke the token ${one.name} of ${one.user}?` : `Revoke ${others.length + 1} tokens?`),
    foresee: token => token,
    end: (useCases, operator, { id }) => revokeToken(useCases, operator, { id }),
    toJson: toTokenRow,
    format: ({ name, user }) => `Revoked ${name} of ${user}.\n`,
  })
}
