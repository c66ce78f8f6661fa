/**
 * `mailwicket check`: everything that can be wrong before mail apps find out, one line each with what to do about it.
 * The checks are in check-*.ts; here is their order and how they are reported.
 */

import { MailwicketError } from '../../base/errors.ts'
import type { Config } from '../../config/config.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { addExamples, type Command, does } from '../frame/command-frame.ts'
import { readConfig } from '../frame/store-access.ts'
import { isColourful, type Terminal } from '../frame/terminal.ts'
import { checkAutoconfiguration } from './check-autoconfiguration.ts'
import { checkBypass } from './check-bypass.ts'
import { checkCertificates } from './check-certificates.ts'
import { bad, type Finding, good } from './check-finding.ts'
import { checkLive } from './check-live.ts'
import { checkMigrationPasswords } from './check-migration-password.ts'
import { checkPortalCertificates } from './check-portal-certificates.ts'
import { checkPortalMail } from './check-portal-mail.ts'
import { checkKey, checkStore, checkWarnings } from './check-store.ts'
import { checkSubmission } from './check-submission.ts'
import { checkNamedMailbox, checkUpstreams } from './check-upstreams.ts'

export function declareCheck(check: Command, terminal: Terminal): void {
  check.option(
    '--live',
    'also log in through the running gateway, with a device that is made for it, expires in 2 minutes and is revoked at once; nothing is sent',
  )
  check.option('--mailbox <addr>', 'the mailbox to try logins with (default: the first of each upstream)')
  addExamples(
    does(check, terminal, (context, _, options) => runChecks(context, options)),
    ['check', 'before the first start and after every change of the configuration'],
    ['check --live', 'can a mail app really log in now?'],
  )
}

export interface CheckOptions {
  readonly live?: boolean
  readonly mailbox?: string
}

async function runChecks(context: CommandContext, options: CheckOptions): Promise<void> {
  const findings: Finding[] = []
  const config = await checkConfiguration(context, findings)
  if (config !== undefined) {
    findings.push(...(await checkKey(context, config)))
    findings.push(...(await checkCertificates(config)))
    findings.push(...(await checkPortalCertificates(config)))
    findings.push(...(await checkStore(context, config)))
    findings.push(...(await checkWarnings(config)))
    if (options.mailbox !== undefined) findings.push(...(await checkNamedMailbox(context, config, options.mailbox)))
    findings.push(...(await checkUpstreams(context, config, options.mailbox)))
    findings.push(...(await checkSubmission(context, config, options.mailbox)))
    findings.push(...(await checkPortalMail(config)))
    findings.push(...(await checkBypass(config)))
    findings.push(...(await checkAutoconfiguration(config)))
    findings.push(...(await checkMigrationPasswords(context, config)))
    if (options.live === true) findings.push(...(await checkLive(context, config, options.mailbox)))
  }
  const colour = isColourful(context.terminal, context.terminal.stdout)
  context.answer(findings, () => findings.map(finding => formatFinding(finding, colour)).join(''))
  const failed = findings.filter(finding => finding.status === 'fail').length
  if (failed > 0) throw new MailwicketError('CHECK_FAILED', { message: failed === 1 ? 'One check failed.' : `${failed} checks failed.` })
}

async function checkConfiguration(context: CommandContext, findings: Finding[]): Promise<Config | undefined> {
  try {
    const config = await readConfig(context)
    findings.push(good('configuration', `${config.path} is complete.`))
    return config
  } catch (error) {
    findings.push(bad('configuration', error))
    return undefined
  }
}

const WORDS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const
const COLOURS = { ok: '\u001b[32m', warn: '\u001b[33m', fail: '\u001b[31m' } as const

function formatFinding({ check, status, message, advice }: Finding, colour: boolean): string {
  const word = colour ? `${COLOURS[status]}${WORDS[status]}\u001b[39m` : WORDS[status]
  return `${word}  ${check}: ${message}\n${advice === null ? '' : `${advice.replace(/^/gm, '      ')}\n`}`
}
