/** Whether a device has connected since its password was made: the page that shows the password waits for it. */
import { getDevice } from '../../../management/devices/manage-devices.ts'
import type { Device } from '../../../store/accounts/devices/device-rows.ts'
import type { Html } from '../../html.ts'
import { answerJson } from '../../web/answers.ts'
import type { PageRequest, SignedInRequest } from '../../web/page-request.ts'

export interface FirstConnection {
  readonly app: string | null
  readonly ip: string
  readonly at: number
}

export function firstConnectionOf({ lastConnection, passwordChangedAt }: Device): FirstConnection | undefined {
  if (lastConnection === null || lastConnection.at < passwordChangedAt) return undefined
  const { app, ip, at } = lastConnection
  return { app, ip, at }
}

/** 204; or the sentence, in its two parts. */
export async function waitForFirst(request: SignedInRequest): Promise<Response> {
  const { device } = await getDevice(request.context, request.actor, request.param('d'))
  return answerFirst(request, device)
}

export function answerFirst({ m, page }: PageRequest, device: Device): Response {
  const first = firstConnectionOf(device)
  if (first === undefined) return new Response(null, { status: 204 })
  return answerJson(partsOf(m.password.connected(device.name, first.app, first.ip, page.formats.ago(first.at))))
}

/** The script sets text, never HTML: the sentence without its marks, and what it begins with by itself. */
function partsOf(sentence: Html): { readonly strong: string; readonly text: string } {
  const [, strong = '', text = ''] = /^<b>(.*?)<\/b>(.*)$/s.exec(String(sentence)) ?? ['', '', String(sentence)]
  return { strong: textOf(strong), text: textOf(text).trim() }
}

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }

const textOf = (html: string): string => html.replace(/<[^>]*>/g, '').replace(/&(?:lt|gt|quot|amp|#39);/g, entity => ENTITIES[entity] ?? entity)
