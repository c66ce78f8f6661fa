/** What PostgreSQL can do, without a driver: commands on a file do not load one. */
import type { BackendFeatures } from '../schema/backend-features.ts'

export const POSTGRES_FEATURES: BackendFeatures = { blocksItsThread: false, listens: true, checksIntegrity: false, isFile: false, keepsReserve: false }
