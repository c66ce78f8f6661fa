/**
 * When a device was kicked. A session ends when this is another moment than the one its login saw, so two kicks must differ: also within one
 * millisecond, also when the clock was set back in between.
 */
import type { ExpressionBuilder } from 'kysely'
import type { Schema } from '../../schema/schema.ts'

/** For `set` on devices. */
export function kickColumns(at: number) {
  return (eb: ExpressionBuilder<Schema, 'devices'>) => ({
    kicked_at: eb
      .case()
      .when('kicked_at', '>=', at)
      .then(eb('kicked_at', '+', 1))
      .else(at)
      .end(),
  })
}
