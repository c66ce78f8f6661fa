/** What the address of a list says: what is looked for, and where its page begins. */
const MAX_SEARCH_CHARACTERS = 200

export function searchOf(query: URLSearchParams): string {
  return wordsOf(query, 'q', MAX_SEARCH_CHARACTERS)
}

/** Control characters are in no name: nobody types them, and no database looks for them. */
export function wordsOf(query: URLSearchParams, name: string, max: number): string {
  return (query.get(name) ?? '')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, max)
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
