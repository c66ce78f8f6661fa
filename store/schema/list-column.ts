/** Lists of short words (scopes, networks, senders) in one column, separated by commas. */

/** A comma-separated column as a list. */
export function splitList<Item extends string>(text: string): readonly Item[] {
  return text === '' ? [] : (text.split(',') as Item[])
}
