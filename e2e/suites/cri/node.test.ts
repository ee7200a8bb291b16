import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';

/* Calls about a pod's limits, the node's range of addresses, and classes of a pull's failures, as a kubelet reads them. */

let cri: CriDaemon;
beforeAll(async () => {
  cri = await CriDaemon.start('--bip', '10.218.7.1/24');
});
afterAll(() => cri?.dispose());

const INVALID = 3;
const NOT_FOUND = 5;
const refused = (code: number, ...words: string[]) => ({
  code,
  message: expect.stringMatching(new RegExp(words.join('.*'), 's')),
});

describe("a pod's limits", () => {
  const update = (pod_sandbox_id: string, message: Message = {}) =>
    cri.call('UpdatePodSandboxResources', { pod_sandbox_id, ...message });
  const told = async (pod_sandbox_id: string) =>
    JSON.parse((await cri.call('PodSandboxStatus', { pod_sandbox_id, verbose: true }))['info'].info).record
      .limits;

  test('are kept and told again, also by the next daemon, and change nothing of its containers', async () => {
    const pod = await cri.pod('limits');
    const linux = { resources: { memory_limit_in_bytes: 64 << 20 } };
    const container_id = await cri.container(pod, 'box', { command: ['sleep', '1000'], linux });
    const resources = { memory_limit_in_bytes: 256 << 20, cpu_shares: 512 };
    await update(pod.id, { resources, overhead: { cpu_quota: 5000, cpu_period: 100_000 } });
    await cri.daemon.down('SIGTERM');
    await cri.daemon.up();
    expect(await told(pod.id)).toMatchObject({ resources, overhead: { cpu_quota: 5000 } });
    const { status } = await cri.call('ContainerStatus', { container_id });
    expect(status.resources.linux.memory_limit_in_bytes).toBe(64 << 20);
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  });

  test('that are wrong, or of a pod that does not run, are refused and not kept', async () => {
    const pod = await cri.pod('wrong');
    await expect(update('')).rejects.toMatchObject(refused(INVALID, 'pod_sandbox_id'));
    await expect(update('f'.repeat(64))).rejects.toMatchObject(refused(NOT_FOUND, 'pod_sandbox_id'));
    for (const [field, message] of [
      ['resources.cpu_period', { resources: { cpu_period: 5 } }],
      ['resources.cpuset_cpus', { resources: { cpuset_cpus: 'all' } }],
      ['overhead.memory_limit_in_bytes', { overhead: { memory_limit_in_bytes: -7 } }],
      ['overhead.oom_score_adj', { overhead: { oom_score_adj: 1001 } }],
    ] as const)
      await expect(update(pod.id, message)).rejects.toMatchObject(refused(INVALID, field));
    expect(await told(pod.id)).toBeUndefined();
    await cri.call('StopPodSandbox', { pod_sandbox_id: pod.id });
    await expect(update(pod.id)).rejects.toMatchObject(refused(9, 'pod_sandbox_id', 'does not run'));
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  });
});

test('a range of addresses that is not the one of its pods is told of in the log; one that is none is refused', async () => {
  const update = (pod_cidr: string) =>
    cri.call('UpdateRuntimeConfig', { runtime_config: { network_config: { pod_cidr } } });
  const field = 'runtime_config.network_config.pod_cidr';
  for (const wrong of ['10.1.0.0', '10.1.0.0/33', 'fd00::/129', '10.1.0.0/24,', 'a/8', '10.1.0.0/2/3'])
    await expect(update(wrong)).rejects.toMatchObject(refused(INVALID, field));
  const warnings = () => cri.daemon.log.split('outside of the range that the cluster gives').length - 1;
  const pod = await cri.pod('ranged');
  await update('');
  await cri.call('UpdateRuntimeConfig');
  await update('10.218.7.0/24,fd00:7::/64');
  expect(warnings()).toBe(0);
  await update('10.99.0.0/16');
  await until('the warning', () => warnings() === 1);
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
});

describe('a pull that a registry refuses', () => {
  /** Answers each request for a manifest by the status that its repository is called after. */
  let registry: Server;
  beforeAll(async () => {
    registry = createServer((request, response) => {
      const [, status] = /^\/v2\/s(\d+)\//.exec(request.url!) ?? [];
      if (!status) response.writeHead(200).end();
      else if (status === '401')
        response.writeHead(401, { 'www-authenticate': 'Basic realm="private"' }).end();
      else response.writeHead(Number(status)).end();
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => registry?.close());
  const pull = (status: number, auth?: Message) => {
    const image = `127.0.0.1:${(registry.address() as AddressInfo).port}/s${status}/some:latest`;
    return cri.call('PullImage', { image: { image }, ...(auth && { auth }) });
  };
  const login = { username: 'someone', password: 'wrong' };

  test.each<[number, number, Message | undefined, string]>([
    [401, 16, undefined, 'failed to pull'],
    [401, 16, login, 'failed to pull'],
    [403, 7, login, 'failed to pull'],
    [404, NOT_FOUND, undefined, 'failed to pull'],
    [500, 2, undefined, 'failed to pull'],
    [503, 2, undefined, 'RegistryUnavailable'],
  ])('by %d gets the code %d (credentials: %j)', async (status, code, auth, words) => {
    await expect(pull(status, auth)).rejects.toMatchObject(refused(code, words, `s${status}/some`));
    expect((await cri.call('ImageStatus', { image: { image: `s${status}/some` } }))['image']).toBeNull();
  });

  test('by nothing at all is told as unavailable', async () => {
    const image = '127.0.0.1:1/some:latest';
    await expect(cri.call('PullImage', { image: { image } })).rejects.toMatchObject(
      refused(2, 'RegistryUnavailable', 'some'),
    );
  });
});
