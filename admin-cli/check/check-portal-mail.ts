/**
 * Does the server answer by which the portal sends its mail, and does it take our login? Nothing is sent.
 */

import { readSecretFile } from '../../base/files/secret-file.ts'
import { formatEndpoint } from '../../base/network.ts'
import type { Config } from '../../config/config.ts'
import { bad, type Finding, good } from './check-finding.ts'
import { checkEncryption, SECURITY } from './check-upstreams.ts'

const CHECK = 'portal mail'

/** None where the portal sends no mail. */
export async function checkPortalMail({ hostname, portal }: Config): Promise<Finding[]> {
  if (portal?.mail === undefined) return []
  const { server, user, secretFile, ca } = portal.mail
  const { meetSubmission, probeSubmission } = await import('../../upstream/probe/submission-probe.ts')
  const target = { ...server, trust: { ca }, hostname, proxyHeader: undefined, idClient: undefined, xclient: undefined, allowUnauthenticate: false }
  try {
    if (user === undefined || secretFile === undefined) await meetSubmission(target)
    else await probeSubmission(target, { authzid: '', user, secret: readSecretFile(secretFile, "the mail server's secret") })
    const login = user === undefined ? 'no login is configured' : `logged in as ${user}`
    return [good(CHECK, `${formatEndpoint(server)} answers (${SECURITY[server.tls]}; ${login}).`), ...(await checkEncryption(CHECK, server))]
  } catch (error) {
    return [bad(CHECK, error)]
  }
}
