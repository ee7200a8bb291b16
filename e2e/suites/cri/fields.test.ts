import { CONTAINERS } from '../../../packages/grpc/src/cri/containers.ts';
import { ENGINE } from '../../../packages/grpc/src/cri/engine.ts';
import { SANDBOXES } from '../../../packages/grpc/src/cri/sandboxes.ts';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { type Wrong, wrongs } from './wrong-fields.ts';

/* Each field of each call made wrong, one at a time: it is refused by its name, and nothing comes of it. */

const ALL = { ...SANDBOXES, ...CONTAINERS, ...ENGINE };
const INVALID = 3;
const NOT_FOUND = 5;
const EXHAUSTED = 8;
const GONE = 'f'.repeat(64);

let cri: CriDaemon;
let pod: { id: string; config: Message };
let box: string;
beforeAll(async () => {
  cri = await CriDaemon.start('--bip', '10.218.11.1/24');
  pod = await cri.pod('fields');
  box = await cri.container(pod, 'box', { command: ['sleep', '100000'] });
});
afterAll(() => cri?.dispose());

/** Requests that are right, of which one field is made wrong. */
const REQUESTS: Record<string, () => Message> = {
  RunPodSandbox: () => ({ config: { metadata: { name: 'n', uid: 'u', namespace: 'd' }, linux: {} } }),
  StopPodSandbox: () => ({ pod_sandbox_id: GONE }),
  RemovePodSandbox: () => ({ pod_sandbox_id: GONE }),
  PodSandboxStatus: () => ({ pod_sandbox_id: pod.id }),
  PodSandboxStats: () => ({ pod_sandbox_id: pod.id }),
  UpdatePodSandboxResources: () => ({ pod_sandbox_id: pod.id }),
  PortForward: () => ({ pod_sandbox_id: pod.id, port: [80] }),
  CreateContainer: () => ({
    pod_sandbox_id: pod.id,
    config: { metadata: { name: 'n' }, image: { image: 'bb:latest' }, command: ['true'], linux: {} },
    sandbox_config: pod.config,
  }),
  StartContainer: () => ({ container_id: box }),
  StopContainer: () => ({ container_id: GONE }),
  RemoveContainer: () => ({ container_id: GONE }),
  ContainerStatus: () => ({ container_id: box }),
  ContainerStats: () => ({ container_id: box }),
  UpdateContainerResources: () => ({ container_id: box }),
  ReopenContainerLog: () => ({ container_id: box }),
  ExecSync: () => ({ container_id: box, cmd: ['true'], timeout: 5 }),
  Exec: () => ({ container_id: box, cmd: ['true'], stdout: true }),
  Attach: () => ({ container_id: box, stdout: true }),
  PullImage: () => ({ image: { image: '127.0.0.1:1/some:latest' } }),
  ImageStatus: () => ({ image: { image: 'bb:latest' } }),
  RemoveImage: () => ({ image: { image: 'none:latest' } }),
  ListPodSandbox: () => ({}),
  ListContainers: () => ({}),
  ListImages: () => ({}),
  ListContainerStats: () => ({}),
  ListPodSandboxStats: () => ({}),
  UpdateRuntimeConfig: () => ({}),
  Version: () => ({}),
};

/** What is not wrong, or not read: the pod's own configuration counts, and any attempt's number and time to stop are right. */
function isRight({ field, how }: Wrong): boolean {
  if (field.startsWith('sandbox_config') || field.endsWith('.attempt')) return true;
  return how === '-7' && (field === 'timeout' || field.endsWith('.oom_score_adj'));
}

/** Whether a refusal names the field, or else the message or the list that it is a member of. */
function names(text: string, field: string): boolean {
  const whole = field.replace(/\.\w+$/, '').replace(/\[0\]$/, '');
  return text.startsWith(field) || text.startsWith(`${whole}:`);
}

async function answer(call: string, { field, how, put }: Wrong): Promise<string | undefined> {
  const request = structuredClone(REQUESTS[call]!());
  put(request);
  try {
    await cri.call(call, request);
  } catch (error) {
    const { code, message } = error as { code: number; message: string };
    // What has more values than a message may hold is not decoded, so that no field of it is known.
    if (how === 'many' && code === EXHAUSTED && message.includes('more than 16384 values')) return undefined;
    if ((code === INVALID || code === NOT_FOUND) && names(message, field)) return undefined;
    return `${field} (${how}): ${code} ${message.slice(0, 200)}`;
  }
  return `${field} (${how}) was accepted`;
}

const shown = async () => ({
  pods: (await cri.call('ListPodSandbox'))['items'],
  containers: (await cri.call('ListContainers'))['containers'],
  images: (await cri.call('ListImages'))['images'],
  resources: (await cri.call('ContainerStatus', { container_id: box }))['status'].resources,
});

test.each(Object.keys(REQUESTS))('%s refuses each field that is wrong, and changes nothing', async (call) => {
  const before = await shown();
  const surprises: string[] = [];
  for (const wrong of wrongs(ALL, `${call}Request`)) {
    if (isRight(wrong) || (call === 'StopContainer' && wrong.how === '-7')) continue;
    const told = await answer(call, wrong);
    if (told) surprises.push(told);
  }
  expect(surprises).toEqual([]);
  expect(await shown()).toEqual(before);
});

test('what the engine refuses of a container is told with the name of the field', async () => {
  const create = (config: Message) =>
    cri.call('CreateContainer', {
      pod_sandbox_id: pod.id,
      config: { metadata: { name: 'n' }, image: { image: 'bb:latest' }, ...config },
      sandbox_config: pod.config,
    });
  const security = 'config.linux.security_context';
  for (const [field, code, config] of [
    ['config.image.image', NOT_FOUND, { image: { image: 'none:latest' } }],
    ['config.image.image', INVALID, { image: { image: 'UPPER//case' } }],
    ['config.command[0]', INVALID, { command: [''] }],
    ['config.mounts[0].image.image', NOT_FOUND, mounted('none:latest')],
    [
      `${security}.capabilities.add_capabilities[1]`,
      INVALID,
      capable({ add_capabilities: ['CHOWN', 'FLY'] }),
    ],
    [`${security}.capabilities.drop_capabilities[0]`, INVALID, capable({ drop_capabilities: ['FLY'] })],
    ['config.linux.resources.memory_limit_in_bytes', INVALID, limited({ memory_limit_in_bytes: 4096 })],
    ['config.linux.resources.cpu_quota', INVALID, limited({ cpu_quota: 5 })],
    ['config.linux.resources.cpuset_cpus', INVALID, limited({ cpuset_cpus: '4095' })],
  ] as const)
    await expect(create(config)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`${field}: `),
    });
});

const mounted = (image: string): Message => ({ mounts: [{ container_path: '/in', image: { image } }] });
const capable = (capabilities: Message): Message => ({ linux: { security_context: { capabilities } } });
const limited = (resources: Message): Message => ({ linux: { resources } });
