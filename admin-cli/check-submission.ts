/**
 * Does the submission server of every upstream answer, and does it take our login?
 * Nothing is sent.
 */
import type { Config, UpstreamConfig, UpstreamEndpoint } from '../base/config.ts'
import { formatEndpoint } from '../base/network.ts'
import { bad, type Finding, good } from './check-finding.ts'
import { checkEncryption, findAccount, SECURITY } from './check-upstreams.ts'
import type { CommandContext } from './command-context.ts'

/** `address`: the mailbox to try the login with; else the first one of each upstream. */
export async function checkSubmission(context: CommandContext, config: Config, address: string | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const upstream of config.upstreams) {
    const { submission } = upstream
    if (submission === undefined) continue
    const check = `upstream ${upstream.name} submission`
    findings.push(...(await checkLogin(context, config, upstream, submission, { check, address })))
  }
  return findings
}

async function checkLogin(
  context: CommandContext,
  config: Config,
  upstream: UpstreamConfig,
  endpoint: UpstreamEndpoint,
  { check, address }: { readonly check: string; readonly address: string | undefined },
): Promise<Finding[]> {
  const { probeSubmission } = await import('./submission-probe.ts')
  try {
    const found = await findAccount(context, config, upstream, address)
    const { mechanisms } = await probeSubmission({ ...endpoint, ca: upstream.ca }, found?.account)
    const login = found === undefined ? `AUTH ${mechanisms.join(' ')}, no mailbox to try a login with yet` : `logged in for ${found.mailbox.address}`
    return [good(check, `${formatEndpoint(endpoint)} answers (${SECURITY[endpoint.tls]}; ${login}).`), ...(await checkEncryption(check, endpoint))]
  } catch (error) {
    return [bad(check, error)]
  }
}
