/** The address and the device that a path names. */
import { parseAddress } from '../../../base/address.ts'
import type { PageRequest } from '../../web/page-request.ts'

/** As it is stored. Throws BAD_INPUT, which the rule of the route has said before. */
export const addressOf = (request: PageRequest): string => parseAddress(request.param('m'))
