/** The man pages, as the two programs that show them see them. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runChild } from '../fixtures/child-process.ts'

const PAGES = ['mailwicket.1', 'mailwicket.toml.5'].map(name => fileURLToPath(new URL(`../../packaging/man/${name}`, import.meta.url)))

test.each(PAGES)('%s has nothing that mandoc or groff warns of', async page => {
  expect(await runChild('mandoc', ['-T', 'lint', '-W', 'warning', page])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  const { code, stdout, stderr } = await runChild('env', ['LC_ALL=C.UTF-8', 'MANWIDTH=80', 'man', '--warnings', '--local-file', page])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('DESCRIPTION')
})
