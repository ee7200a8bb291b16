import { tarOf } from '../../../support/tar.ts';
import type { Hand, Scenario } from '../scenario.ts';

/* Networks, volumes, images, secrets and pods. */

const NONE = { HostConfig: { NetworkMode: 'none' } };
const files = tarOf({ file: 'content' });
const commit = (hand: Hand) => hand.post('/commit?container=cc&repo=made&pause=1');
const network = (hand: Hand) => hand.post('/networks/create', { Name: 'nn' });
const volume = (hand: Hand) => hand.post('/volumes/vv/import', files);
const count = (what: string, wanted: number) => (lines: string[]) =>
  lines.filter((line) => line.startsWith(what)).length === wanted;

export const networks: Scenario[] = [
  { name: 'network create', act: network },
  { name: 'network remove', ends: true, before: network, act: (hand) => hand.delete('/networks/nn') },
  {
    name: 'network prune',
    ends: true,
    before: async (hand) => {
      await network(hand);
      await hand.post('/networks/create', { Name: 'oo' });
    },
    act: (hand) => hand.post('/networks/prune'),
    between: count('network', 1),
  },
  ...(['run', 'create'] as const).flatMap((how): Scenario[] => [
    {
      name: `network connect (${how})`,
      before: async (hand) => {
        await network(hand);
        await hand[how]('cc');
      },
      act: (hand) =>
        hand.post('/networks/nn/connect', { Container: 'cc', EndpointConfig: { Aliases: ['x'] } }),
    },
    {
      name: `network disconnect (${how})`,
      ends: true,
      before: async (hand) => {
        await network(hand);
        await hand[how]('cc');
        await hand.post('/networks/nn/connect', { Container: 'cc' });
      },
      act: (hand) => hand.post('/networks/nn/disconnect', { Container: 'cc' }),
    },
  ]),
];

export const volumes: Scenario[] = [
  { name: 'volume create', act: (hand) => hand.post('/volumes/create', { Name: 'vv', Labels: { a: 'b' } }) },
  { name: 'volume remove', ends: true, before: volume, act: (hand) => hand.delete('/volumes/vv') },
  { name: 'volume import', act: volume },
  { name: 'volume clone', before: volume, act: (hand) => hand.post('/volumes/vv/clone', { Name: 'ww' }) },
  {
    name: 'volume snapshot',
    before: volume,
    act: (hand) => hand.post('/volumes/vv/snapshot', { Name: 'ww' }),
  },
  {
    name: 'volume prune',
    ends: true,
    before: async (hand) => {
      await volume(hand);
      await hand.post('/volumes/create', { Name: 'ww' });
    },
    act: (hand) => hand.post(`/volumes/prune?filters=${encodeURIComponent('{"all":["1"]}')}`),
    between: count('volume', 1),
  },
];

export const images: Scenario[] = [
  { name: 'import', act: (hand) => hand.post('/images/create?fromSrc=-&repo=made', files) },
  { name: 'tag', act: (hand) => hand.post('/images/bb/tag?repo=made&tag=latest') },
  {
    name: 'untag',
    ends: true,
    before: (hand) => hand.post('/images/bb/tag?repo=made&tag=latest'),
    act: (hand) => hand.delete('/images/made:latest'),
  },
  {
    name: 'image remove',
    ends: true,
    before: (hand) => hand.post('/images/create?fromSrc=-&repo=made', files),
    act: (hand) => hand.delete('/images/made:latest'),
  },
  {
    name: 'commit',
    before: (hand) => hand.run('cc', NONE),
    act: commit,
  },
  {
    name: 'build',
    act: (hand) =>
      hand.post(
        '/build?t=made&forcerm=1',
        tarOf({ Dockerfile: 'FROM bb\nCOPY x /x\nRUN echo y > /y\n', x: 'x' }),
      ),
    // A killed build leaves images without a name, as in dockerd.
    between: (lines) => !lines.some((line) => line.includes('made') || line.startsWith('container')),
  },
  {
    name: 'image prune',
    ends: true,
    before: async (hand) => {
      await hand.post('/images/create?fromSrc=-', files);
      await hand.post('/images/create?fromSrc=-', tarOf({ other: 'content' }));
    },
    act: (hand) => hand.post('/images/prune'),
    between: count('image', 2),
  },
];

const base64 = (text: string) => Buffer.from(text).toString('base64');

export const secrets: Scenario[] = (['secrets', 'configs'] as const).flatMap((kind): Scenario[] => {
  const create = (hand: Hand) =>
    hand.post(`/${kind}/create`, { Name: 'ss', Data: base64('data'), Labels: {} });
  return [
    { name: `${kind} create`, act: create },
    { name: `${kind} remove`, ends: true, before: create, act: (hand) => hand.delete(`/${kind}/ss`) },
    {
      name: `${kind} update`,
      before: create,
      act: async (hand) => {
        const { Spec, Version } = await hand.ask('GET', `/${kind}/ss`);
        await hand.post(`/${kind}/ss/update?version=${Version.Index}`, {
          ...Spec,
          Labels: { changed: 'yes' },
        });
      },
    },
  ];
});

const POD = {
  metadata: { name: 'p', uid: 'uid-p', namespace: 'default', attempt: 0 },
  hostname: 'p',
  port_mappings: [{ protocol: 0, container_port: 80, host_port: 18090 }],
  linux: {},
};
const podId = async (hand: Hand): Promise<string> => (await hand.cri('ListPodSandbox')).items[0]?.id ?? '';
const runPod = (hand: Hand) => hand.cri('RunPodSandbox', { config: POD });
const member = async (hand: Hand) => {
  const config = {
    metadata: { name: 'm', attempt: 0 },
    image: { image: 'bb:latest' },
    command: ['sleep', '1000'],
  };
  const request = { pod_sandbox_id: await podId(hand), config, sandbox_config: POD };
  return (await hand.cri('CreateContainer', request)).container_id as string;
};
const memberId = async (hand: Hand): Promise<string> =>
  (await hand.cri('ListContainers')).containers[0]?.id ?? '';
const startMember = async (hand: Hand) => hand.cri('StartContainer', { container_id: await memberId(hand) });
const whole = async (hand: Hand) => {
  await runPod(hand);
  await member(hand);
  await startMember(hand);
};

export const pods: Scenario[] = [
  { name: 'pod run', act: runPod },
  {
    name: 'pod stop',
    before: whole,
    act: async (hand) => hand.cri('StopPodSandbox', { pod_sandbox_id: await podId(hand) }),
    between: () => true,
  },
  {
    name: 'pod remove',
    before: whole,
    act: async (hand) => hand.cri('RemovePodSandbox', { pod_sandbox_id: await podId(hand) }),
    between: () => true,
  },
  { name: 'pod member create', before: runPod, act: member },
  {
    name: 'pod member start',
    before: async (hand) => {
      await runPod(hand);
      await member(hand);
    },
    act: startMember,
    between: (lines) => lines.some((line) => line.includes('"Status":"exited"')),
  },
  {
    name: 'pod member stop',
    before: whole,
    act: async (hand) => hand.cri('StopContainer', { container_id: await memberId(hand), timeout: 0 }),
  },
  {
    name: 'pod member remove',
    before: whole,
    act: async (hand) => hand.cri('RemoveContainer', { container_id: await memberId(hand) }),
    between: (lines) => lines.some((line) => line.includes('"Status":"exited"')),
  },
];
