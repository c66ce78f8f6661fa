/** How many workers serve. */
import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'

/** `auto`: one a core, of those that this process may use. */
export function countWorkers({ workers }: Pick<Config, 'workers'>, cores = availableParallelism()): number {
  return workers === 'auto' ? cores : workers
}
