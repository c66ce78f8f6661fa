/**
 * Every route of the pages: method, path, who may, whether it has to be confirmed, whether it is done once. The first that fits is taken. `app.ts` walks
 * this list, and `routes.test.ts` tries every line of it as every role, inside and outside of its reach.
 */
import { type AllDevicesAct, links } from './links.ts'
import { endOtherSessions, endOwnSession, savePreferences, showAccount, showSessions } from './pages/account/account.ts'
import { confirmPasskeyOptions, confirmWithPasskey, confirmWithPassword } from './pages/account/confirm.ts'
import { addPasskey, passkeyOptions, removePasskey, renamePasskey, showPasskeys, showRenamePasskey, testPasskey } from './pages/account/passkeys.ts'
import { changeAccountPassword, showAccountPassword } from './pages/account/password.ts'
import { checkAddToken, dropToken, makeToken, showAddToken, showTokens } from './pages/account/tokens.ts'
import { showActivity, showMailboxActivity } from './pages/activity/activity.ts'
import { downloadActivity, downloadMailboxActivity } from './pages/activity/activity-csv.ts'
import { showApi } from './pages/api-overview.ts'
import { checkAddDevice, makeDevice, showAddDevice } from './pages/devices/add-device.ts'
import { actOnAllDevices, showAllDevices } from './pages/devices/all-devices.ts'
import { downloadProfile } from './pages/devices/apple-profile.ts'
import { checkChangePassword, confirmOwnPage, makePassword, showChangePassword } from './pages/devices/change-password.ts'
import { showDevice } from './pages/devices/device.ts'
import { disconnectDevice, endDeviceSession, endDeviceSessions, pauseDevice, resumeDevice, showDisconnect } from './pages/devices/device-acts.ts'
import { showDevices } from './pages/devices/device-list.ts'
import { checkRules, confirmRules, saveRules } from './pages/devices/device-rules.ts'
import { waitForFirst } from './pages/devices/first-connection.ts'
import {
  checkInvite,
  dropInvitation,
  mailInvitation,
  makeInvitation,
  renewInvitation,
  showAddInvitation,
  showInvitations,
  toInvitations,
} from './pages/invitations/invitations.ts'
import { acceptInvitation, showInvitation } from './pages/invited/invitation.ts'
import { downloadInvitedProfile, waitForInvited } from './pages/invited/invited-follow-up.ts'
import { chooseLanguage, inLanguageAsked } from './pages/language.ts'
import { makeMailbox, showAddMailbox } from './pages/mailboxes/add-mailbox.ts'
import { addUser, checkAddUser, showAddUser } from './pages/mailboxes/add-user.ts'
import {
  checkRemoveMailbox,
  dropMailbox,
  pauseMailbox,
  resumeMailbox,
  saveAddresses,
  saveLogin,
  saveSending,
  showRemoveMailbox,
} from './pages/mailboxes/change-settings.ts'
import { checkRemoveUser, removeMailboxUser, setUserSending, showMailboxUsers, showRemoveUser } from './pages/mailboxes/mailbox-users.ts'
import { showMyMailboxes } from './pages/mailboxes/my-mailboxes.ts'
import { showMailbox } from './pages/mailboxes/overview.ts'
import { showService } from './pages/mailboxes/service.ts'
import { find, goHome, showServices } from './pages/mailboxes/services.ts'
import { showSettings } from './pages/mailboxes/settings.ts'
import {
  blockPerson,
  checkDropPerson,
  checkNewStart,
  dropPerson,
  makeNewStart,
  saveAdministrator,
  saveDomains,
  saveSending as savePersonSending,
  saveRights,
  showQuestion,
  toPerson,
  unblockPerson,
} from './pages/people/change-person.ts'
import { changeManagers, showManagers } from './pages/people/managers.ts'
import { checkAddPerson, makePerson, showAddPerson, showPeople } from './pages/people/people.ts'
import { showPerson } from './pages/people/person.ts'
import { showPassword } from './pages/shown/device-shown.ts'
import { showInvitationLink } from './pages/shown/invitation-shown.ts'
import { showInvitedPassword } from './pages/shown/invited-shown.ts'
import { showStartLink } from './pages/shown/start-shown.ts'
import { showToken } from './pages/shown/token-shown.ts'
import { makeRecoveryCodes, showRecoveryCodes, showTotp, turnTotpOff, turnTotpOn } from './pages/shown/totp.ts'
import { secondPasskeyOptions, showSecondStep, takeSecond, takeSecondByPasskey } from './pages/sign-in/second-step.ts'
import { showSignIn, signIn, signInByPasskey, signInPasskeyOptions, signOut } from './pages/sign-in/sign-in.ts'
import { begin, showWelcome } from './pages/sign-in/welcome.ts'
import { can, canOwn } from './web/access.ts'
import { pattern, type Route, route, visit } from './web/route.ts'

const [m, d, u] = [':m', ':d', ':u']
const person = pattern(links.person(u))
const invitation = pattern(links.invitation(':id'))
const addDevice = pattern(links.addDevice(m))
const device = pattern(links.device(m, d))
const users = pattern(links.mailboxUsers(m))
const newUser = pattern(links.addUser(m))
const settings = pattern(links.mailboxSettings(m))
const ALL_DEVICES_ACTIONS = { 'end-sessions': 'session.end', 'disconnect-all': 'device.disconnect', 'disconnect-quiet': 'device.disconnect' } as const
const ALL_DEVICES = Object.keys(ALL_DEVICES_ACTIONS) as AllDevicesAct[]

export const ROUTES: readonly Route[] = [
  visit('GET', links.signIn, showSignIn),
  visit('POST', links.signIn, signIn),
  visit('POST', links.signInPasskeyOptions, signInPasskeyOptions),
  visit('POST', links.signInPasskey, signInByPasskey),
  visit('GET', links.signInSecond, showSecondStep),
  visit('POST', links.signInSecond, takeSecond),
  visit('POST', links.signInSecondPasskeyOptions, secondPasskeyOptions),
  visit('POST', links.signInSecondPasskey, takeSecondByPasskey),
  visit('GET', '/language', chooseLanguage),
  visit('GET', links.api, showApi),
  visit('GET', pattern(links.welcome(':token')), inLanguageAsked(showWelcome)),
  visit('POST', pattern(links.welcome(':token')), begin),
  visit('GET', pattern(links.invitationOpen(':token')), inLanguageAsked(showInvitation)),
  visit('POST', pattern(links.invitationOpen(':token')), acceptInvitation),
  visit('GET', links.invited, showInvitedPassword),
  visit('GET', links.invitedFirst, waitForInvited),
  visit('POST', links.invitedProfile, downloadInvitedProfile),
  route('POST', links.signOut, 'signed-in', signOut, { beforeFactor: true }),
  route('POST', links.confirm, 'signed-in', confirmWithPassword, { beforeFactor: true, form: links.home }),
  route('POST', links.confirmPasskeyOptions, 'signed-in', confirmPasskeyOptions, { beforeFactor: true }),
  route('POST', links.confirmPasskey, 'signed-in', confirmWithPasskey, { beforeFactor: true }),

  route('GET', links.account, 'signed-in', showAccount, { beforeFactor: true }),
  route('GET', links.accountPassword, 'signed-in', showAccountPassword, { confirm: 'rights', beforeFactor: true }),
  route('POST', links.accountPassword, 'signed-in', changeAccountPassword, { confirm: 'rights', beforeFactor: true }),
  route('GET', links.accountTotp, 'signed-in', showTotp, { confirm: 'rights', beforeFactor: true }),
  route('POST', links.accountTotp, 'signed-in', turnTotpOn, { confirm: 'rights', beforeFactor: true }),
  route('POST', links.accountTotpOff, 'signed-in', turnTotpOff, { confirm: 'rights', form: links.accountTotp }),
  route('POST', links.accountRecoveryCodes, 'signed-in', makeRecoveryCodes, { confirm: 'rights', once: true, form: links.accountTotp }),
  route('GET', links.accountRecoveryShown, 'signed-in', showRecoveryCodes),
  route('GET', links.accountPasskeys, 'signed-in', showPasskeys, { confirm: 'rights', beforeFactor: true }),
  route('POST', links.accountPasskeys, 'signed-in', addPasskey, { confirm: 'rights', beforeFactor: true }),
  route('POST', links.accountPasskeyOptions, 'signed-in', passkeyOptions, { confirm: 'rights', beforeFactor: true, form: links.accountPasskeys }),
  route('POST', links.accountPasskeyTest, 'signed-in', testPasskey, { form: links.accountPasskeys }),
  route('GET', pattern(links.accountPasskey(':passkey')), 'signed-in', showRenamePasskey),
  route('POST', pattern(links.accountPasskey(':passkey')), 'signed-in', renamePasskey, { confirm: 'rights' }),
  route('POST', pattern(links.accountPasskeyRemove(':passkey')), 'signed-in', removePasskey, { confirm: 'rights', form: links.accountPasskeys }),
  route('GET', links.accountSessions, 'signed-in', showSessions, { beforeFactor: true }),
  route('POST', links.accountSessionsEndOthers, 'signed-in', endOtherSessions, { confirm: 'rights', beforeFactor: true, form: links.account }),
  route('POST', pattern(links.accountSessionEnd(':session')), 'signed-in', endOwnSession, { confirm: 'rights', beforeFactor: true, form: links.account }),
  route('POST', links.accountPreferences, 'signed-in', savePreferences, { beforeFactor: true, form: links.account }),
  route('GET', links.accountTokens, 'signed-in', showTokens),
  route('POST', links.accountTokens, 'signed-in', makeToken, { check: checkAddToken, confirm: 'rights', once: true, form: links.addToken }),
  route('GET', links.addToken, 'signed-in', showAddToken),
  route('GET', pattern(links.tokenShown(':token')), 'signed-in', showToken),
  route('POST', pattern(links.tokenRevoke(':token')), 'signed-in', dropToken, { confirm: 'rights', form: links.accountTokens }),

  route('GET', links.home, 'signed-in', goHome),
  route('GET', links.find, 'signed-in', find),
  route('GET', links.services, can('mailbox.add', 'somewhere'), showServices),
  route('GET', links.activity, canOwn('activity.view', 'somewhere'), showActivity),
  route('GET', links.activityCsv, canOwn('activity.view', 'somewhere'), downloadActivity),

  route('GET', links.managers, can('roles.change', 'installation'), showManagers),
  route('POST', links.managers, can('roles.change', 'installation'), changeManagers, { confirm: 'rights' }),
  route('GET', links.people, can('person.add', 'somewhere'), showPeople),
  route('POST', links.people, can('person.add', 'installation'), makePerson, { check: checkAddPerson, confirm: 'rights', once: true, form: links.addPerson }),
  route('GET', links.addPerson, can('person.add', 'installation'), showAddPerson),
  route('GET', person, can('person.view', 'person'), showPerson),
  route('POST', pattern(links.personSending(u)), can('person.change', 'person'), savePersonSending, { confirm: 'rights', form: person }),
  route('POST', pattern(links.personAdministrator(u)), can('roles.change', 'installation'), saveAdministrator, { confirm: 'rights', form: person }),
  route('POST', pattern(links.personRights(u)), can('person.view', 'person'), saveRights, { confirm: 'rights', form: person }),
  route('POST', pattern(links.personDomains(u)), can('roles.change', 'installation'), saveDomains, { confirm: 'rights', form: person }),
  route('GET', pattern(links.personNewStart(u)), can('person.change', 'person'), showQuestion('new-start')),
  route('POST', pattern(links.personNewStart(u)), can('person.change', 'person'), makeNewStart, { check: checkNewStart, confirm: 'rights', once: true }),
  route('GET', pattern(links.personStartShown(u)), can('person.change', 'person'), showStartLink),
  route('GET', pattern(links.personBlock(u)), can('person.change', 'person'), showQuestion('block')),
  route('POST', pattern(links.personBlock(u)), can('person.change', 'person'), blockPerson, { confirm: 'rights' }),
  route('GET', pattern(links.personUnblock(u)), can('person.change', 'person'), toPerson),
  route('POST', pattern(links.personUnblock(u)), can('person.change', 'person'), unblockPerson, { confirm: 'rights' }),
  route('GET', pattern(links.personRemove(u)), can('person.change', 'person'), showQuestion('remove')),
  route('POST', pattern(links.personRemove(u)), can('person.change', 'person'), dropPerson, { check: checkDropPerson, confirm: 'rights' }),

  route('GET', links.invitations, can('mailbox.invite', 'somewhere'), showInvitations),
  route('POST', links.invitations, can('mailbox.invite', 'somewhere'), makeInvitation, {
    check: checkInvite,
    confirm: 'rights',
    once: true,
    form: links.addInvitation,
  }),
  route('GET', links.addInvitation, can('mailbox.invite', 'somewhere'), showAddInvitation),
  route('GET', invitation, can('mailbox.invite', 'invitation'), toInvitations),
  route('GET', pattern(links.invitationShown(':id')), can('mailbox.invite', 'invitation'), showInvitationLink),
  route('POST', pattern(links.invitationRevoke(':id')), can('mailbox.invite', 'invitation'), dropInvitation, { confirm: 'rights', form: links.invitations }),
  route('POST', pattern(links.invitationMail(':id')), can('mailbox.invite', 'invitation'), mailInvitation, { confirm: 'rights', form: links.invitations }),
  route('POST', pattern(links.invitationNewLink(':id')), can('mailbox.invite', 'invitation'), renewInvitation, { confirm: 'rights', form: links.invitations }),

  route('GET', pattern(links.service(':domain')), can('mailbox.add', 'domain'), showService),
  route('GET', links.mailboxes, 'signed-in', showMyMailboxes),

  route('GET', pattern(links.addMailbox(':domain')), can('mailbox.add', 'domain'), showAddMailbox),
  route('POST', pattern(links.addMailbox(':domain')), can('mailbox.add', 'domain'), makeMailbox, { once: true }),

  route('GET', pattern(links.mailbox(m)), can('mailbox.view', 'mailbox'), showMailbox),
  route('GET', pattern(links.mailboxActivity(m)), canOwn('activity.view', 'mailbox'), showMailboxActivity),
  route('GET', pattern(links.mailboxActivityCsv(m)), canOwn('activity.view', 'mailbox'), downloadMailboxActivity),
  route('GET', pattern(links.mailboxUsers(m)), can('rights.view', 'mailbox'), showMailboxUsers),
  route('POST', pattern(links.mailboxUsers(m)), can('rights.give', 'mailbox'), addUser, { check: checkAddUser, confirm: 'rights', once: true, form: newUser }),
  route('GET', newUser, can('rights.give', 'mailbox'), showAddUser),
  route('GET', pattern(links.removeUser(m, ':u')), can('rights.give', 'mailbox'), showRemoveUser),
  route('POST', pattern(links.removeUser(m, ':u')), can('rights.give', 'mailbox'), removeMailboxUser, { check: checkRemoveUser, confirm: 'rights' }),
  route('POST', pattern(links.userSending(m, ':u')), can('rights.give', 'mailbox'), setUserSending, { confirm: 'rights', form: users }),
  route('GET', settings, can('sending.view', 'mailbox'), showSettings),
  route('POST', pattern(links.mailboxAddresses(m)), can('mailbox.describe', 'mailbox'), saveAddresses, { confirm: 'rights', form: settings }),
  route('POST', pattern(links.mailboxServer(m)), can('mailbox.secret', 'mailbox'), saveLogin, { confirm: 'rights', form: settings }),
  route('POST', pattern(links.mailboxSending(m)), can('sending.narrow', 'mailbox'), saveSending, { confirm: 'rights', form: settings }),
  route('POST', pattern(links.mailboxPause(m)), can('mailbox.pause', 'mailbox'), pauseMailbox, { confirm: 'rights', form: settings }),
  route('POST', pattern(links.mailboxResume(m)), can('mailbox.pause', 'mailbox'), resumeMailbox, { confirm: 'rights', form: settings }),
  route('GET', pattern(links.mailboxRemove(m)), can('mailbox.remove', 'mailbox'), showRemoveMailbox),
  route('POST', pattern(links.mailboxRemove(m)), can('mailbox.remove', 'mailbox'), dropMailbox, { check: checkRemoveMailbox, confirm: 'rights' }),

  route('GET', pattern(links.devices(m)), canOwn('device.view', 'mailbox'), showDevices),
  route('POST', pattern(links.devices(m)), can('device.add', 'mailbox'), makeDevice, {
    check: checkAddDevice,
    confirm: 'password',
    once: true,
    form: addDevice,
  }),
  route('GET', addDevice, can('device.add', 'mailbox'), showAddDevice),
  ...ALL_DEVICES.flatMap(act => [
    route('GET', pattern(links.allDevices(m, act)), can(ALL_DEVICES_ACTIONS[act], 'mailbox'), showAllDevices(act)),
    route('POST', pattern(links.allDevices(m, act)), can(ALL_DEVICES_ACTIONS[act], 'mailbox'), actOnAllDevices(act), { confirm: 'rights' }),
  ]),
  route('GET', pattern(links.device(m, d)), can('device.view', 'device'), showDevice),
  route('POST', pattern(links.device(m, d)), can('device.rename', 'device'), saveRules, { check: checkRules, confirm: confirmRules }),
  route('GET', pattern(links.devicePassword(m, d)), can('device.password', 'device'), showChangePassword, { confirm: confirmOwnPage }),
  route('POST', pattern(links.devicePassword(m, d)), can('device.password', 'device'), makePassword, {
    check: checkChangePassword,
    confirm: 'password',
    once: true,
  }),
  route('GET', pattern(links.deviceShown(m, d)), can('device.password', 'device'), showPassword),
  route('GET', pattern(links.deviceFirst(m, d)), can('device.view', 'device'), waitForFirst),
  route('POST', pattern(links.deviceProfile(m, d)), can('device.password', 'device'), downloadProfile, { form: pattern(links.devicePassword(m, d)) }),
  route('GET', pattern(links.deviceDisconnect(m, d)), can('device.disconnect', 'device'), showDisconnect),
  route('POST', pattern(links.deviceDisconnect(m, d)), can('device.disconnect', 'device'), disconnectDevice, { confirm: 'rights' }),
  route('POST', pattern(links.devicePause(m, d)), can('device.pause', 'device'), pauseDevice, { confirm: 'rights', form: device }),
  route('POST', pattern(links.deviceResume(m, d)), can('device.pause', 'device'), resumeDevice, { confirm: 'rights', form: device }),
  route('POST', pattern(links.deviceSessionsEnd(m, d)), can('session.end', 'device'), endDeviceSessions, { confirm: 'rights', form: device }),
  route('POST', pattern(links.deviceSessionEnd(m, d, ':session')), can('session.end', 'device'), endDeviceSession, { confirm: 'rights', form: device }),
]
