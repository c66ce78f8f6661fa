/** What the address of a list says: what is looked for, and where its page begins. */
const MAX_SEARCH_CHARACTERS = 200

export function searchOf(query: URLSearchParams): string {
  return (query.get('q') ?? '').trim().slice(0, MAX_SEARCH_CHARACTERS)
}

export function readCursor(query: URLSearchParams): { readonly after?: string } {
  const after = query.get('after')
  return after === null || after === '' ? {} : { after }
}

/** One of the filters of a list; the first of them when the address says another. */
export function filterOf<Filter extends string>(query: URLSearchParams, filters: readonly [Filter, ...Filter[]]): Filter {
  const asked = query.get('show')
  return filters.find(filter => filter === asked) ?? filters[0]
}
