import { readFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { Folder, makePem, openRecordingLog } from './certificate-fixture.ts'
import { openCertificates } from './certificates.ts'

vi.mock('node:fs/promises', async original => {
  const real = await original<typeof import('node:fs/promises')>()
  return { ...real, readFile: vi.fn(real.readFile) }
})

test('a renewed certificate that could not be read for want of file descriptors is taken when there are some again', async () => {
  const [old, renewed] = [await makePem({ names: ['mail.example.com'] }), await makePem({ names: ['mail.example.com'] })]
  using folder = new Folder()
  const { log, waitFor } = openRecordingLog()
  const certificates = await openCertificates({ files: [folder.write('mail', old)], log, settleMs: 5, pollMs: 20 })
  const [before] = certificates.list()
  const failed = waitFor('certificate.failed')
  vi.mocked(readFile).mockRejectedValueOnce(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
  const loaded = waitFor('certificate.loaded')
  folder.write('mail', renewed)
  expect(await failed).toMatchObject({ reason: expect.stringContaining('EMFILE'), inUse: before?.fingerprint256 })
  await loaded
  expect(certificates.list()[0]?.fingerprint256).not.toBe(before?.fingerprint256)
  certificates.close()
})
