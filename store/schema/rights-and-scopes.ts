/**
 * The words for what a person may do at a mailbox, and for what an API token may be used. Nothing is imported here: commands name them in their help.
 */

/** `send` opens nothing in the portal: it says whether the person's devices may send from the mailbox. */
export const RIGHTS = ['use', 'make', 'see', 'send', 'manage'] as const
export type Right = (typeof RIGHTS)[number]

/** Out of what the token's owner may. */
export const TOKEN_SCOPES = ['read', 'devices', 'passwords', 'people', 'mailboxes'] as const
export type TokenScope = (typeof TOKEN_SCOPES)[number]
