/** The manifests of packaging/kubernetes: what Kubernetes' own schemas say of them, and whether their parts fit each other, the image and the program. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1'
import { type IJob, Job } from 'kubernetes-models/batch/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, type IPodSpec, type IService, Service } from 'kubernetes-models/v1'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Config } from '../config/config.ts'
import { parseConfig } from '../config/config-parse.ts'
import { STOP_MARGIN_MS } from '../gateway/lifecycle/serving.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, 'packaging', path), 'utf8')

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
}

const documentsOf = (text: string): Manifest[] =>
  parseAllDocuments(text).map(document => {
    expect(document.errors).toEqual([])
    return document.toJS() as Manifest
  })

const main = read('kubernetes/mailwicket.yaml')
const manifests = [...documentsOf(main), ...documentsOf(read('kubernetes/migrate.yaml'))]
const MODELS = { ConfigMap, Deployment, Job, NetworkPolicy, PodDisruptionBudget, Service } as const

function manifest<T>(kind: keyof typeof MODELS): T {
  return manifests.find(one => one.kind === kind) as T
}

const deployment = manifest<IDeployment>('Deployment')
const pod = deployment.spec?.template.spec as IPodSpec
const jobPod = manifest<IJob>('Job').spec?.template.spec as IPodSpec
const [container = expect.fail('no container')] = pod.containers
let config: Config

beforeAll(() => {
  const { data } = manifest<{ data: Record<string, string> }>('ConfigMap')
  config = parseConfig(data['mailwicket.toml'] ?? '', '/etc/mailwicket/mailwicket.toml')
})

describe('by the schemas of Kubernetes', () => {
  test.each(manifests.map(one => [one.kind, one] as const))('%s', (kind, document) => {
    const Model = MODELS[kind as keyof typeof MODELS] as unknown as { new (data: unknown): { validate(): void }; kind: string; apiVersion: string }
    expect(document.apiVersion).toBe(Model.apiVersion)
    expect(() => new Model(document).validate()).not.toThrow()
  })

  test('the schemas see what is missing or of another type', () => {
    const broken = structuredClone(deployment) as { spec: { selector?: unknown } }
    delete broken.spec.selector
    expect(() => new Deployment(broken as never).validate()).toThrow('selector')
  })
})

describe('by their types, which also know each name', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'mailwicket-manifests-'))
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  /** What the compiler says of them, as literals. */
  function complaints(documents: readonly Manifest[]): string {
    const file = join(dir, 'manifests.mts')
    const lines = documents.map(
      (document, index) =>
        `import type { I${document.kind} as T${index} } from 'kubernetes-models/${document.apiVersion}'\nexport const m${index}: T${index} = ${JSON.stringify(document, null, 1)}`,
    )
    writeFileSync(file, lines.join('\n'))
    const args = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', '--types', '', file]
    return spawnSync(join(root, 'node_modules/.bin/tsc'), args, { cwd: dir, encoding: 'utf8' }).stdout
  }

  test('no field that Kubernetes does not know', () => expect(complaints(manifests)).toBe(''))

  test('a misspelt one is seen', () => {
    const text = main.replace('terminationGracePeriodSeconds', 'terminationGracePeriodSecond')
    expect(complaints(documentsOf(text))).toContain(`'"terminationGracePeriodSecond"' does not exist`)
  })
})

test('the configuration listens where the pod, the Service and the probes say', () => {
  const ports = new Map(container.ports?.map(({ name, containerPort }) => [name, containerPort]))
  const listening = [...config.listen, config.admin, config.portal].map(one => one?.port)
  expect([...ports.values()].sort()).toEqual(listening.sort())
  const service = manifest<IService>('Service')
  expect(service.spec?.ports?.map(({ port, targetPort }) => [port, ports.get(String(targetPort))])).toEqual([
    [993, 993],
    [465, 465],
    [587, 587],
    [443, config.portal?.port],
  ])
  // The address of the app, without a PROXY header.
  expect(service.spec?.externalTrafficPolicy).toBe('Local')
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) expect(probe?.httpGet?.port).toBe('admin')
  expect(ports.get('admin')).toBe(config.admin?.port)
})

test('a pod has time for its drain', () => {
  const [, pause = ''] = container.lifecycle?.preStop?.exec?.command ?? []
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(pause) + config.drainSeconds + STOP_MARGIN_MS / 1000)
  expect(deployment.spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
})

test.each([
  ['Deployment', pod],
  ['Job', jobPod],
])('%s: not root, no privilege, nothing that it could write but folders of its own', (_kind, { securityContext, containers, automountServiceAccountToken }) => {
  const user = Number(/--uid (\d+)/.exec(read('docker/Dockerfile'))?.[1])
  expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: user, runAsGroup: user, fsGroup: user, seccompProfile: { type: 'RuntimeDefault' } })
  expect(automountServiceAccountToken).toBe(false)
  for (const one of containers) {
    expect(one.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
    expect(one.volumeMounts?.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath)).toEqual([config.dataDir, '/tmp'])
  }
})

test('each Secret is made by a command in the head, none is written down, and keys are for the group alone', () => {
  const head = main.slice(0, main.indexOf('apiVersion'))
  expect(manifests.map(({ kind }) => kind)).not.toContain('Secret')
  const secrets = [pod, jobPod].flatMap(({ volumes = [] }) => volumes.flatMap(({ secret }) => secret ?? []))
  for (const { secretName = '' } of secrets)
    expect(head).toContain(`kubectl create secret ${secretName.endsWith('certificate') ? 'tls' : 'generic'} ${secretName} `)
  for (const name of ['mailwicket-master-key', 'mailwicket-certificate'])
    expect(secrets.filter(({ secretName }) => secretName === name).map(({ defaultMode }) => defaultMode)).toEqual([0o440, 0o440])
  expect(container.volumeMounts).toContainEqual(expect.objectContaining({ name: 'master-key', mountPath: join(config.dataDir, 'keys') }))
})

test('the Job sees what the pods see', () => {
  expect(jobPod.volumes).toEqual(pod.volumes)
  expect(jobPod.containers[0]?.volumeMounts).toEqual(container.volumeMounts)
})
