import { expect, test } from 'vitest'
import { describeApi } from '../../api/api.ts'
import { listOperations } from '../../api/open-api.ts'
import { PortalFixture } from '../portal-fixture.ts'

test('the overview of the API names every operation of its document, to whoever asks', async () => {
  const fixture = await PortalFixture.open()
  try {
    await fixture.addAdministrator()
    for (const browser of [fixture.browser(), await fixture.signedIn('anna')]) {
      const { status, text } = await browser.get('/api/')
      expect(status).toBe(200)
      for (const { path } of listOperations(describeApi('https://devices.example.test'))) expect(text).toContain(`<code>${path}</code>`)
    }
  } finally {
    await fixture.remove()
  }
})
