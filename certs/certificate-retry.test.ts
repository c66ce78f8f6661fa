import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Folder, makePem, openRecordingLog } from './certificate-fixture.ts'
import { openCertificates } from './certificates.ts'

test('a renewed certificate that could not be read for want of file descriptors is taken when there are some again', async () => {
  const [old, renewed] = [await makePem({ names: ['mail.example.com'] }), await makePem({ names: ['mail.example.com'] })]
  using folder = new Folder()
  const { log, waitFor } = openRecordingLog()
  const certificates = await openCertificates({ files: [folder.write('mail', old)], log, settleMs: 5, pollMs: 20 })
  const [before] = certificates.list()
  const failed = waitFor('certificate.failed')
  const readFile = vi.spyOn(files, 'readFile')
  readFile.mockRejectedValueOnce(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
  syncBuiltinESMExports()
  onTestFinished(() => {
    readFile.mockRestore()
    syncBuiltinESMExports()
  })
  const loaded = waitFor('certificate.loaded')
  folder.write('mail', renewed)
  expect(await failed).toMatchObject({ reason: expect.stringContaining('EMFILE'), inUse: before?.fingerprint256 })
  await loaded
  expect(certificates.list()[0]?.fingerprint256).not.toBe(before?.fingerprint256)
  certificates.close()
})
