import { expect, test } from 'vitest'
import { isExposed } from './private-file-mode.ts'

const us = { uid: 998, groups: [998, 2000] }

test.each([
  ['ours alone', 0o600, 998, 998, false],
  ['ours alone, read-only', 0o400, 998, 998, false],
  ['ours, and our group reads it', 0o640, 998, 998, true],
  ['ours, and everybody reads it', 0o644, 998, 998, true],
  ['root:fsGroup 0440, as Kubernetes mounts it', 0o440, 0, 2000, false],
  ['root:mailwicket 0640, as an administrator lays it', 0o640, 0, 998, false],
  ['ours by number, read-only, of a group of ours: a mounted one', 0o440, 998, 2000, false],
  ['of a group that is none of ours', 0o440, 0, 4000, true],
  ['the group may write', 0o460, 0, 2000, true],
  ['root:fsGroup, and everybody reads it', 0o444, 0, 2000, true],
  ['root’s alone', 0o600, 0, 0, false],
  ['others may only execute it', 0o601, 998, 998, true],
])('%s', (_name, mode, uid, gid, expected) => {
  expect(isExposed({ mode: 0o100000 | mode, uid, gid }, us)).toBe(expected)
})

test('root in a container whose platform mounts for a group', () => {
  expect(isExposed({ mode: 0o440, uid: 0, gid: 2000 }, { uid: 0, groups: [0, 2000] })).toBe(false)
  expect(isExposed({ mode: 0o640, uid: 0, gid: 0 }, { uid: 0, groups: [0] })).toBe(true)
})
