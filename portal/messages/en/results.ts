/** English: what was wrong with a form, and what a form did. For whoever answers a POST. */
import { showAddress } from '../../addresses.ts'
import { bdi, bold, type Html, html } from '../../html.ts'
import { countsIn } from '../plurals.ts'

const n = countsIn('en')

export const results = {
  problems: {
    /** SECURITY: unknown, wrong and blocked are one sentence. */
    signIn: 'Name and password do not fit together.',
    code: 'That code did not fit. Wait for the next one and try again.',
    recoveryCode: 'That code did not fit, or was used already.',
    confirm: 'That password did not fit.',
    passkey: 'That passkey did not fit.',
    passkeyKnown: 'This passkey is here already.',
    passkeyNameTaken: 'You have a passkey of this name already.',
    required: 'This is needed.',
    choose: 'Choose one of these.',
    tooLong: (max: number) => n(max, 'At most # character.', 'At most # characters.'),
    nameCharacters: 'Line breaks, slashes and invisible characters cannot stand in a name; some emoji hold one.',
    deviceNameTaken: (name: string): string => `There is already a device called “${name}” in this mailbox.`,
    dateForm: 'A date looks like 2026-12-31.',
    datePast: 'This day is over already.',
    network: (text: string) => `“${text}” is not a network. One looks like 203.0.113.0/24 or 2001:db8::/32.`,
    address: 'An address looks like office@example.test.',
    addressDomain: (domain: string) => `The address must end with @${domain}.`,
    addressTaken: 'This address is in use already.',
    loginTaken: 'Somebody here has this name already.',
    unknownPerson: 'Nobody here has this name.',
    unknownMailbox: 'No such mailbox within your reach.',
    unknownDomain: (domain: string) => `“${domain}” is no mail service within your reach.`,
    number: 'A whole number, or nothing.',
    aboveLimit: (limit: string) => `At most ${limit}.`,
    passwordShort: (min: number) => n(min, '# character or more.', '# characters or more.'),
    passwordCommon: 'People try this one first. Choose another.',
    passwordRules: 'It does not keep all of the rules below.',
    passwordsDiffer: 'The two are not the same.',
    typedAddress: 'That is not this address.',
    keepCodes: 'Keep the recovery codes first.',
    chooseScope: 'Choose at least one.',
    tokenNetworks: 'Such a token needs a network, or must end within 90 days.',
    tokenEnd: 'It must end within a year.',
    mailToItself: 'Nobody can read that mailbox yet. Copy the link instead.',
    ownPasswordsOff: 'Here, passwords are always generated.',
    serverRefused: (server: string, answer: string) => `${server} answered, but did not accept this login. Nothing was saved. It said: “${answer}”`,
    serverDown: (server: string) => `${server} did not answer. Nothing was saved. Try again in a moment.`,
    changedMeanwhile: (who: string, moment: string): Html => html`${bdi(who)} changed this ${moment}. What you see is the new state; make your change again.`,
    lastAdministrator: 'The last administrator cannot be removed, blocked or lowered.',
    checkFields: 'Something is not right yet. Nothing was changed.',
  },
  done: {
    mailboxAdded: (address: string): Html => html`<b>${showAddress(address)}</b> is here. Nobody gets in yet: add a device.`,
    mailboxRemoved: (address: string): Html => html`<b>${showAddress(address)}</b> is removed.`,
    mailboxPaused: (sessions: number): Html => html`The mailbox is paused. ${n(sessions, '# session ended.', '# sessions ended.')}`,
    mailboxResumed: 'The pause is over. Devices get in again.',
    deviceDisconnected: (name: string, sessions: number): Html => html`${bold(name)} is disconnected. ${n(sessions, '# session ended.', '# sessions ended.')}`,
    devicesDisconnected: (devices: number, sessions: number) =>
      `${n(devices, '# device is disconnected.', '# devices are disconnected.')} ${n(sessions, '# session ended.', '# sessions ended.')}`,
    devicePaused: (name: string, sessions: number): Html => html`${bold(name)} is paused. ${n(sessions, '# session ended.', '# sessions ended.')}`,
    deviceResumed: (name: string): Html => html`${bold(name)} gets in again, with the same password.`,
    deviceGone: 'It was disconnected meanwhile. Nothing was changed.',
    sessionsEnded: (sessions: number) => n(sessions, '# session ended.', '# sessions ended.'),
    personAdded: (name: string): Html => html`${bold(name)} is added.`,
    personRemoved: (name: string): Html => html`${bold(name)} is removed.`,
    personBlocked: (name: string, sessions: number): Html => html`${bold(name)} is blocked. ${n(sessions, '# session ended.', '# sessions ended.')}`,
    personUnblocked: (name: string): Html => html`${bold(name)} is no longer blocked.`,
    rightsSaved: (name: string): Html => html`The rights of ${bold(name)} are saved.`,
    sendingOff: (name: string): Html => html`${bold(name)} no longer sends. Reading goes on.`,
    sendingOn: (name: string): Html => html`${bold(name)} may send.`,
    invitationRevoked: 'The invitation is revoked. Its link no longer works.',
    invitationMailed: (address: string): Html => html`A new link is on its way to ${showAddress(address)}. The old one no longer works.`,
    passwordChanged: (sessions: number) =>
      `Your password is changed. ${n(sessions, 'You were signed out in # other place.', 'You were signed out in # other places.')}`,
    totpOn: 'The authenticator app is on.',
    totpOff: 'The authenticator app is off.',
    passkeyAdded: (name: string): Html => html`The passkey ${bold(name)} is added.`,
    passkeyRemoved: (name: string): Html => html`The passkey ${bold(name)} is removed.`,
    renamed: (name: string): Html => html`It is now called ${bold(name)}.`,
    signedOut: 'You are signed out.',
    signedOutElsewhere: (sessions: number) => n(sessions, 'Signed out in # other place.', 'Signed out in # other places.'),
    tokenRevoked: (name: string): Html => html`The token ${bold(name)} is revoked.`,
    saved: 'Saved.',
  },
  /** Mail that the portal sends. Plain text; a link leads to a page, never with a token but in an invitation and a start link. */
  mail: {
    /** In the place of a name. */
    byInvited: 'Somebody with an invitation',
    byOperator: 'Whoever runs the server',
    invitationSubject: (address: string) => `Connect your device to ${address}`,
    invitation: (by: string, address: string, url: string, day: string) =>
      `${by} invited you to connect a device to ${address}.\n\nMake its password here, once, until ${day}:\n${url}\n\nYou did not expect this? Then do not open it, and ask ${by}.`,
    startSubject: 'Your start link',
    start: (by: string, url: string, moment: string) =>
      `${by} made an account for you, or a new start. Choose your password here, once, until ${moment}:\n${url}`,
    newDeviceSubject: (name: string, address: string) => `New device “${name}” in ${address}`,
    newDevice: (name: string, address: string, scope: 'both' | 'read' | 'send', by: string, moment: string, url: string) =>
      `“${name}” can now ${{ both: 'read and send as', read: 'read', send: 'send as' }[scope]} ${address}. ${by} added it ${moment}. Was that not you? Disconnect it: ${url}`,
    newNetworkSubject: (name: string) => `“${name}” connected from a new network`,
    newNetwork: (name: string, address: string, ip: string, app: string | null, moment: string, url: string) =>
      `“${name}” connected to ${address} from a new network: ${ip}${app === null ? '' : `, ${app}`}, ${moment}. Was that not you? Disconnect it: ${url}`,
    newAppSubject: (name: string) => `“${name}” connected with a new app`,
    newApp: (name: string, address: string, app: string, ip: string, moment: string, url: string) =>
      `“${name}” connected to ${address} with a new app: ${app}, from ${ip}, ${moment}. Was that not you? Disconnect it: ${url}`,
    endsSoonSubject: (name: string, day: string) => `“${name}” stops on ${day}`,
    endsSoon: (name: string, day: string, url: string) => `“${name}” stops on ${day}. If it should go on, change its end: ${url}`,
    footer: (host: string, settings: string) => `This mail comes from ${host}. Which ones you get: ${settings}`,
  },
}
