/**
 * Every route of the pages: method, path, who may, whether it has to be confirmed, whether it is done once. The first that fits is taken. `app.ts` walks
 * this list, and `routes.test.ts` tries every line of it as every role, inside and outside of its reach.
 */
import { links } from './links.ts'
import { confirmPasskeyOptions, confirmWithPasskey, confirmWithPassword } from './pages/account/confirm.ts'
import { checkAddDevice, makeDevice, showAddDevice } from './pages/devices/add-device.ts'
import { showDevices } from './pages/devices/device-list.ts'
import { waitForFirst } from './pages/devices/first-connection.ts'
import { showPassword } from './pages/devices/shown/device-shown.ts'
import { chooseLanguage } from './pages/language.ts'
import { showMyMailboxes } from './pages/mailboxes/my-mailboxes.ts'
import { showService } from './pages/mailboxes/service.ts'
import { find, goHome, showServices } from './pages/mailboxes/services.ts'
import { showSecondStep, showSignIn, signIn, signInByPasskey, signInPasskeyOptions, signOut, takeSecond } from './pages/sign-in/sign-in.ts'
import { can, canOwn } from './web/access.ts'
import { pattern, type Route, route, visit } from './web/route.ts'

const [m, d] = [':m', ':d']
const addDevice = pattern(links.addDevice(m))

export const ROUTES: readonly Route[] = [
  visit('GET', links.signIn, showSignIn),
  visit('POST', links.signIn, signIn),
  visit('POST', links.signInPasskeyOptions, signInPasskeyOptions),
  visit('POST', links.signInPasskey, signInByPasskey),
  visit('GET', links.signInSecond, showSecondStep),
  visit('POST', links.signInSecond, takeSecond),
  visit('GET', '/language', chooseLanguage),
  route('POST', links.signOut, 'signed-in', signOut, { beforeFactor: true }),
  route('POST', links.confirm, 'signed-in', confirmWithPassword, { beforeFactor: true, form: links.home }),
  route('POST', links.confirmPasskeyOptions, 'signed-in', confirmPasskeyOptions, { beforeFactor: true }),
  route('POST', links.confirmPasskey, 'signed-in', confirmWithPasskey, { beforeFactor: true }),

  route('GET', links.home, 'signed-in', goHome),
  route('GET', links.find, 'signed-in', find),
  route('GET', links.services, can('mailbox.add', 'somewhere'), showServices),
  route('GET', pattern(links.service(':domain')), can('mailbox.add', 'domain'), showService),
  route('GET', links.mailboxes, 'signed-in', showMyMailboxes),

  route('GET', pattern(links.devices(m)), canOwn('device.view', 'mailbox'), showDevices),
  route('POST', pattern(links.devices(m)), can('device.add', 'mailbox'), makeDevice, {
    check: checkAddDevice,
    confirm: 'password',
    once: true,
    form: addDevice,
  }),
  route('GET', addDevice, can('device.add', 'mailbox'), showAddDevice),
  route('GET', pattern(links.deviceShown(m, d)), can('device.password', 'device'), showPassword),
  route('GET', pattern(links.deviceFirst(m, d)), can('device.view', 'device'), waitForFirst),
]
