/**
 * Verifies wrong secrets against one hash as fast as the machine can, and prints how many a second of CPU pays for.
 * A process of its own: argon2 runs in its threads, and they count.
 */
import { Secret } from '../../base/secret.ts'
import { PasswordHasher } from '../../store/passwords/password-hash.ts'

const VERIFICATIONS = 40

const hasher = new PasswordHasher()
const phc = await hasher.hash(Secret.fromText('k7mqx2pd9rtfh4wzc8nb'))
const before = process.cpuUsage()
await Promise.all(Array.from({ length: VERIFICATIONS }, (_, serial) => hasher.verify(phc, Secret.fromText(`wrong ${serial}`))))
const { user, system } = process.cpuUsage(before)
console.log(VERIFICATIONS / ((user + system) / 1e6))
