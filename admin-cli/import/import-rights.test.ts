/** Notes, aliases and the rights of people, as files bring them in and take them out. */
import { expect, it } from 'vitest'
import { reasons, UPSTREAM, useInstallation } from './import-fixture.ts'

const { run, json, file, importRows } = useInstallation()

it.each(['csv', 'json'])('notes, aliases and rights go out as %s and come back as they were', async format => {
  const head = 'mailbox,upstream,secret,note,aliases,people'
  const row = `office@example.com,main,${UPSTREAM},"Front desk, ground floor",info@example.com Hello@Example.com,anna=use+send bert=manage`
  expect(await importRows(file('office.csv', [head, row]), '--add-users')).toMatchObject({ code: 0, mailboxes: { added: 1 } })
  await json('export', `out.${format}`)
  expect(await importRows(`out.${format}`)).toMatchObject({ code: 0, mailboxes: { unchanged: 1 } })
  expect(JSON.parse((await run(['export', '--json'])).out)).toMatchObject([
    { note: 'Front desk, ground floor', aliases: ['hello@example.com', 'info@example.com'], people: ['anna=use+send', 'bert=manage'] },
  ])
  const less = file('less.csv', ['mailbox,aliases,people', 'office@example.com,none,anna=use'])
  expect(reasons(await importRows(less))).toEqual(['2 the mailbox is there already, and differs in aliases, people; --update changes it'])
  expect(await importRows(less, '--update')).toMatchObject({ code: 0, mailboxes: { changed: 1 } })
  expect(JSON.parse((await run(['export', '--json'])).out)).toMatchObject([
    { note: 'Front desk, ground floor', aliases: [], people: ['anna=use', 'bert=manage'] },
  ])
})

it.each([
  ['info', '', '', 'aliases: no e-mail addresses with spaces between'],
  ['office@example.com', '', '', 'aliases: the mailbox’s own address is no alias'],
  ['', 'anna', '', 'people: LOGIN=RIGHTS is expected, as anna=use+send; the rights are use, make, see, send, manage'],
  ['', 'anna=everything', '', 'people: LOGIN=RIGHTS is expected, as anna=use+send; the rights are use, make, see, send, manage'],
  ['', 'nobody=use', '', expect.stringMatching(/^2 people: there is no such user/)],
  ['', 'a b=use', '', 'people: LOGIN=RIGHTS is expected, as anna=use+send; the rights are use, make, see, send, manage'],
  ['', '', 'turned\u202e', 'note: a mailbox’s note must have 1 to 200 printable characters'],
])('a row with the aliases %j, the people %j and the note %j is not taken', async (aliases, people, note, reason) => {
  const name = file('bad.csv', ['mailbox,upstream,secret,aliases,people,note', `office@example.com,main,${UPSTREAM},${aliases},${people},${note}`])
  expect(reasons(await importRows(name))).toEqual([typeof reason === 'string' ? `2 ${reason}` : reason])
  expect(JSON.parse((await run(['export', '--json'])).out)).toEqual([])
})
