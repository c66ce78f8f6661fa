/**
 * argon2 as the unit tests and those of the store have it: vitest.config.ts puts it in the place of the package. A hash names the parameters that it was
 * asked for and is made with the least there are, since most of these tests would otherwise wait for it most of their time. A hash from elsewhere
 * is verified as it is, and the cases of test/ have the package itself.
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'

const argon2 = createRequire(import.meta.url)('argon2') as typeof import('argon2')
const LEAST = { memoryCost: 8, timeCost: 1, parallelism: 1 }
/** How the salt of a hash begins that was made here: six bytes, so that they stand for themselves in base64. */
const OURS = Buffer.from('quick!')
const PARAMETERS = new RegExp(`\\$m=[^$]+\\$(?=${OURS.toString('base64')})`)

export const { argon2id } = argon2

export async function hash(secret: Buffer, asked: { memoryCost: number; timeCost: number; parallelism: number }): Promise<string> {
  const made = await argon2.hash(secret, { ...asked, ...LEAST, salt: Buffer.concat([OURS, randomBytes(10)]) })
  return made.replace(PARAMETERS, `$$m=${asked.memoryCost},t=${asked.timeCost},p=${asked.parallelism}$$`)
}

export async function verify(phc: string, secret: Buffer): Promise<boolean> {
  return await argon2.verify(phc.replace(PARAMETERS, `$$m=${LEAST.memoryCost},t=${LEAST.timeCost},p=${LEAST.parallelism}$$`), secret)
}
