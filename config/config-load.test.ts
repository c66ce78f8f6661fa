import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findConfigFile, loadConfig } from './config-load.ts'
import { formatSampleConfig } from './config-sample.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mailwicket-config-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

function write(name: string, hostname = 'mail.example.com'): string {
  const file = join(directory, name)
  writeFileSync(file, formatSampleConfig({ hostname }))
  return file
}

describe('which file', () => {
  test('--config before $MAILWICKET_CONFIG before the current directory', () => {
    write('mailwicket.toml', 'here.example.com')
    write('named.toml', 'named.example.com')
    write('environment.toml', 'environment.example.com')
    const hostnameOf = (source: { file?: string; environmentFile?: string }) => loadConfig({ cwd: directory, ...source }).hostname
    expect(hostnameOf({ file: 'named.toml', environmentFile: 'environment.toml' })).toBe('named.example.com')
    expect(hostnameOf({ environmentFile: 'environment.toml' })).toBe('environment.example.com')
    expect(hostnameOf({ environmentFile: '' })).toBe('here.example.com')
    expect(hostnameOf({})).toBe('here.example.com')
  })

  test('a file that is named and absent is not replaced by another', () => {
    write('mailwicket.toml')
    const missing = join(directory, 'missing.toml')
    expect(() => loadConfig({ cwd: directory, file: 'missing.toml' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND', message: `There is no configuration file ${missing}, which --config names.` }),
    )
    expect(() => loadConfig({ cwd: directory, environmentFile: missing })).toThrow(/which \$MAILWICKET_CONFIG names/)
  })

  test('without any, both places are told', () => {
    expect(() => findConfigFile({ cwd: directory })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NOT_FOUND',
        message: `There is no configuration file: neither ${join(directory, 'mailwicket.toml')} nor /etc/mailwicket/mailwicket.toml exists.`,
      }),
    )
  })

  test('a working folder that is closed to the user, as after `sudo -u mailwicket`, is passed over', () => {
    write('mailwicket.toml')
    chmodSync(directory, 0)
    const isRoot = process.getuid?.() === 0
    if (isRoot) process.seteuid?.(65_534)
    try {
      expect(() => findConfigFile({ cwd: directory })).toThrow(/neither .* nor \/etc\/mailwicket\/mailwicket\.toml exists/)
      expect(() => loadConfig({ cwd: directory, file: 'mailwicket.toml' })).toThrow(/cannot be read: permission denied/)
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(directory, 0o700)
    }
  })

  test('paths start at the file, not at the current directory', () => {
    mkdirSync(join(directory, 'etc'))
    write('etc/mailwicket.toml')
    const config = loadConfig({ cwd: directory, file: 'etc/mailwicket.toml' })
    expect(config).toMatchObject({ path: join(directory, 'etc/mailwicket.toml'), dataDir: join(directory, 'etc') })
  })
})

describe('a file that cannot be read', () => {
  test('a directory', () => {
    expect(() => loadConfig({ cwd: directory, file: '.' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND', message: `The configuration file ${directory} cannot be read: it is a directory.` }),
    )
  })

  test('a path through a file', () => {
    write('mailwicket.toml')
    expect(() => loadConfig({ cwd: directory, file: 'mailwicket.toml/x' })).toThrow(expect.objectContaining({ code: 'CONFIG_NOT_FOUND' }))
  })

  test('a link to itself', () => {
    symlinkSync('mailwicket.toml', join(directory, 'mailwicket.toml'))
    expect(() => loadConfig({ cwd: directory })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND', message: expect.stringContaining('cannot be read: its symbolic links lead in a circle') }),
    )
  })

  test('not UTF-8', () => {
    writeFileSync(join(directory, 'mailwicket.toml'), Buffer.from([0x68, 0xff]))
    expect(() => loadConfig({ cwd: directory })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('is not UTF-8 text') }),
    )
  })
})
