/**
 * Does the submission server of every upstream answer, and does it take our login?
 * Nothing is sent.
 */

import { formatEndpoint } from '../../base/network.ts'
import type { Config, UpstreamConfig, UpstreamEndpoint } from '../../config/config.ts'
import type { CommandContext } from '../frame/command-context.ts'
import { withStoreOf } from '../frame/store-access.ts'
import { bad, doubtful, type Finding, good } from './check-finding.ts'
import { checkEncryption, findAccount, SECURITY } from './check-upstreams.ts'

/** `address`: the mailbox to try the login with; else the first one of each upstream. */
export async function checkSubmission(context: CommandContext, config: Config, address: string | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const upstream of config.upstreams) {
    const { submission } = upstream
    if (submission === undefined) continue
    const check = `upstream ${upstream.name} submission`
    findings.push(...(await checkLogin(context, config, upstream, submission, { check, address })))
  }
  return [...findings, ...(await checkLearnt(context, config))]
}

/** What is offered to apps is what all servers behind a listener offer: one of which nothing is known takes it from everybody. */
async function checkLearnt(context: CommandContext, config: Config): Promise<Finding[]> {
  const upstreams = config.upstreams.filter(({ submission }) => submission !== undefined)
  if (upstreams.length < 2 || !config.listen.some(({ protocol }) => protocol === 'submission')) return []
  // A store that does not open has its own line.
  const learnt = await withStoreOf(context, config, store => store.sending.learntUpstreams()).catch(() => undefined)
  if (learnt === undefined) return []
  return upstreams
    .filter(({ name }) => !learnt.has(name))
    .map(({ name }) =>
      doubtful(
        `upstream ${name} submission`,
        'Nobody has logged in there through the gateway yet. Until then apps of all upstreams are offered neither PIPELINING nor 8BITMIME nor a SIZE.',
        'Let one device of it connect to a submission port once: what the server offers is remembered.',
      ),
    )
}

async function checkLogin(
  context: CommandContext,
  config: Config,
  upstream: UpstreamConfig,
  endpoint: UpstreamEndpoint,
  { check, address }: { readonly check: string; readonly address: string | undefined },
): Promise<Finding[]> {
  const [{ probeSubmission }, { probeTargetOf }] = await Promise.all([
    import('../../upstream/probe/submission-probe.ts'),
    import('../../upstream/probe/probe-target.ts'),
  ])
  try {
    const found = await findAccount(context, config, upstream, address)
    const { mechanisms, isTold } = await probeSubmission(probeTargetOf(config, upstream, endpoint), 'untried' in found ? undefined : found.account)
    const login = 'untried' in found ? `AUTH ${mechanisms.join(' ')}, ${found.untried}` : `logged in for ${found.mailbox.address}`
    const findings = [good(check, `${formatEndpoint(endpoint)} answers (${SECURITY[endpoint.tls]}; ${login}).`)]
    if (/xclient/.test(upstream.forwardClient) && !isTold) {
      findings.push(
        doubtful(
          check,
          `It does not offer XCLIENT to this machine: it does not learn the address of the mail app, though forward_client = "${upstream.forwardClient}".`,
          'Name this machine in its smtpd_authorized_xclient_hosts (Postfix), or set forward_client = "none".',
        ),
      )
    }
    return [...findings, ...(await checkEncryption(check, endpoint))]
  } catch (error) {
    return [bad(check, error)]
  }
}
