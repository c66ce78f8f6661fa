/**
 * The address of every page and of every form, in one place: views link with them, the list of routes is made from them.
 *
 * GET unless it says POST; a page with a form is posted to its own address unless another one stands here. An address or an id is one percent-encoded
 * segment; `:m` is an address of a mailbox, `:d` the id of a device. Nothing secret is ever part of a link but the token of an invitation or a new start.
 */

const segment = encodeURIComponent

/** A query string of what is there; an empty one is left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) => (value === undefined || value === '' ? [] : [[key, String(value)] as [string, string]]))
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`
}

const mailbox = (address: string): string => `/m/${segment(address)}`
const device = (address: string, id: string): string => `${mailbox(address)}/devices/${segment(id)}`
const person = (login: string): string => `/people/${segment(login)}`
const invitation = (id: string): string => `/invitations/${segment(id)}`

export const links = {
  home: '/',
  signIn: '/sign-in',
  /** POST: challenge for a passkey; and POST of its answer to `signInPasskey`. */
  signInPasskeyOptions: '/sign-in/passkey/options',
  signInPasskey: '/sign-in/passkey',
  signInSecond: '/sign-in/second',
  /** The same for the second step of whoever's password was right. */
  signInSecondPasskeyOptions: '/sign-in/second/passkey/options',
  signInSecondPasskey: '/sign-in/second/passkey',
  /** The second step with a recovery code in place of the app's. */
  signInRecovery: '/sign-in/second?with=recovery',
  /** POST. */
  signOut: '/sign-out',
  welcome: (token: string) => `/welcome/${segment(token)}`,
  /** `to` is a path of ours; the answer is a redirect to it, and a cookie or the person's preference. */
  language: (language: string, to: string) => withQuery('/language', { set: language, to }),
  /** The same on a page whose address has a token in it, which no link repeats. */
  languageHere: (language: string) => withQuery('', { language }),

  services: '/services',
  /** Find a mailbox, device or person, everywhere within reach: `?q=`. */
  find: '/find',
  managers: '/services/managers',
  service: (domain: string) => `/services/${segment(domain)}`,
  addMailbox: (domain: string) => `/services/${segment(domain)}/new`,
  mailboxes: '/mailboxes',

  mailbox,
  devices: (address: string) => `${mailbox(address)}/devices`,
  /** Disconnected in the last 30 days. */
  formerDevices: (address: string) => `${mailbox(address)}/devices?show=former`,
  /** GET the form; it is posted to `devices`. */
  addDevice: (address: string) => `${mailbox(address)}/devices/new`,
  /** GET asks, POST does: `end-sessions`, `disconnect-all`, `disconnect-quiet`. */
  allDevices: (address: string, act: AllDevicesAct) => `${mailbox(address)}/all-devices/${act}`,
  /** GET the facts, POST the rules. */
  device,
  devicePassword: (address: string, id: string) => `${device(address, id)}/password`,
  /** GET the form for one's own password; it is posted to `devicePassword`. */
  deviceOwnPassword: (address: string, id: string) => `${device(address, id)}/password?way=own`,
  deviceShown: (address: string, id: string) => `${device(address, id)}/shown`,
  /** 204; or once it connected JSON `{ "strong", "text" }`, the two parts of the sentence that the page then says. */
  deviceFirst: (address: string, id: string) => `${device(address, id)}/first`,
  /** POST with the password that is on the page; answers the Apple profile. */
  deviceProfile: (address: string, id: string) => `${device(address, id)}/profile`,
  deviceDisconnect: (address: string, id: string) => `${device(address, id)}/disconnect`,
  /** POST. */
  devicePause: (address: string, id: string) => `${device(address, id)}/pause`,
  /** POST. */
  deviceResume: (address: string, id: string) => `${device(address, id)}/resume`,
  /** POST: all of a device, or one. */
  deviceSessionsEnd: (address: string, id: string) => `${device(address, id)}/sessions/end`,
  deviceSessionEnd: (address: string, id: string, session: string) => `${device(address, id)}/sessions/${segment(session)}/end`,

  mailboxUsers: (address: string) => `${mailbox(address)}/users`,
  /** `?q=` looks whether somebody is here already; it is posted to `mailboxUsers`. */
  addUser: (address: string) => `${mailbox(address)}/users/new`,
  /** GET asks, POST takes away. */
  removeUser: (address: string, login: string) => `${mailbox(address)}/users/${segment(login)}/remove`,
  /** POST: the right to send from this mailbox. */
  userSending: (address: string, login: string) => `${mailbox(address)}/users/${segment(login)}/sending`,
  mailboxActivity: (address: string) => `${mailbox(address)}/activity`,
  mailboxActivityCsv: (address: string) => `${mailbox(address)}/activity.csv`,
  mailboxSettings: (address: string) => `${mailbox(address)}/settings`,
  /** POST each. */
  mailboxAddresses: (address: string) => `${mailbox(address)}/settings/addresses`,
  mailboxServer: (address: string) => `${mailbox(address)}/settings/server`,
  mailboxSending: (address: string) => `${mailbox(address)}/settings/sending`,
  mailboxPause: (address: string) => `${mailbox(address)}/pause`,
  mailboxResume: (address: string) => `${mailbox(address)}/resume`,
  /** GET asks for the address to be typed, POST removes. */
  mailboxRemove: (address: string) => `${mailbox(address)}/remove`,

  people: '/people',
  /** Not `/people/new`: that is the page of the person whose login is `new`. */
  addPerson: '/people/+new',
  person,
  /** POST each. */
  personSending: (login: string) => `${person(login)}/sending`,
  personAdministrator: (login: string) => `${person(login)}/administrator`,
  personRights: (login: string) => `${person(login)}/rights`,
  personDomains: (login: string) => `${person(login)}/domains`,
  /** GET asks, POST does. */
  personNewStart: (login: string) => `${person(login)}/new-start`,
  /** GET: the link that a new start has, once. */
  personStartShown: (login: string) => `${person(login)}/new-start/shown`,
  personBlock: (login: string) => `${person(login)}/block`,
  personUnblock: (login: string) => `${person(login)}/unblock`,
  personRemove: (login: string) => `${person(login)}/remove`,

  invitations: '/invitations',
  addInvitation: '/invitations/new',
  invitation,
  /** POST each; `invitationNewLink` revokes, disconnects what was made with the old one, and makes another. */
  invitationRevoke: (id: string) => `${invitation(id)}/revoke`,
  invitationMail: (id: string) => `${invitation(id)}/mail`,
  invitationNewLink: (id: string) => `${invitation(id)}/new-link`,
  /** GET: its link, once. */
  invitationShown: (id: string) => `${invitation(id)}/shown`,
  /** GET: the password that was made by an invitation, once. The link's token is used up, and no longer in the address. */
  invited: '/invited',
  /** GET: as `deviceFirst`. */
  invitedFirst: '/invited/first',
  /** POST with the password that is on the page; answers the Apple profile. */
  invitedProfile: '/invited/profile',
  invitationOpen: (token: string) => `/i/${segment(token)}`,

  activity: '/activity',
  activityCsv: '/activity.csv',

  account: '/account',
  accountPassword: '/account/password',
  accountTotp: '/account/totp',
  /** POST each. */
  accountTotpOff: '/account/totp/off',
  accountRecoveryCodes: '/account/totp/recovery-codes',
  /** GET: the new ones, once. */
  accountRecoveryShown: '/account/totp/recovery-codes/shown',
  accountPasskeys: '/account/passkeys',
  accountPasskeyOptions: '/account/passkeys/options',
  accountPasskeyTest: '/account/passkeys/test',
  accountPasskey: (id: string) => `/account/passkeys/${segment(id)}`,
  accountPasskeyRemove: (id: string) => `/account/passkeys/${segment(id)}/remove`,
  accountSessions: '/account/sessions',
  accountSessionEnd: (id: string) => `/account/sessions/${segment(id)}/end`,
  accountSessionsEndOthers: '/account/sessions/end-others',
  /** POST. */
  accountPreferences: '/account/preferences',
  accountTokens: '/account/tokens',
  addToken: '/account/tokens/new',
  /** GET: the new one, once. */
  tokenShown: (id: string) => `/account/tokens/${segment(id)}/shown`,
  tokenRevoke: (id: string) => `/account/tokens/${segment(id)}/revoke`,

  confirm: '/confirm',
  confirmPasskeyOptions: '/confirm/passkey/options',
  confirmPasskey: '/confirm/passkey',
  api: '/api/',
  openApi: '/api/v1/openapi.json',
} as const

export type AllDevicesAct = 'end-sessions' | 'disconnect-all' | 'disconnect-quiet'
