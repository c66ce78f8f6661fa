/**
 * Times as the outside sees them: ISO 8601 in UTC.
 */

/** With milliseconds. */
export function formatIso(moment: number): string {
  return new Date(moment).toISOString()
}

export function formatIsoOrNull(moment: number | null): string | null {
  return moment === null ? null : formatIso(moment)
}
