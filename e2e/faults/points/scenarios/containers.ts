import { tarOf } from '../../../support/tar.ts';
import type { Hand, Scenario } from '../scenario.ts';

/* The life of a container, step by step. */

const NONE = { HostConfig: { NetworkMode: 'none' } };
const PUBLISHED = {
  ExposedPorts: { '80/tcp': {} },
  HostConfig: { NetworkMode: 'nn', PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
};
const RICH = {
  ...PUBLISHED,
  Volumes: { '/m/anonymous': {} },
  HostConfig: { ...PUBLISHED.HostConfig, Binds: ['vv:/m/named'], Memory: 64 << 20 },
};

const network = (hand: Hand) => hand.post('/networks/create', { Name: 'nn' });
const withNetwork = (body: object, name: 'create' | 'run') => async (hand: Hand) => {
  await network(hand);
  await hand[name]('cc', body as Record<string, unknown>);
};
const running = (hand: Hand) => hand.run('cc', NONE);
const exited = async (hand: Hand) => {
  await hand.run('cc', NONE);
  await hand.post('/containers/cc/kill');
};

/** A container of these states and no other difference. */
const inState =
  (...states: string[]) =>
  (lines: string[]) =>
    lines.some(
      (line) => line.startsWith('container ') && states.some((one) => line.includes(`"Status":"${one}"`)),
    );

export const containers: Scenario[] = [
  { name: 'create', act: (hand) => hand.create('cc', NONE) },
  {
    name: 'create with volumes',
    before: network,
    act: (hand) => hand.create('cc', RICH),
    between: (lines) => !lines.some((line) => line.startsWith('container')),
  },
  {
    name: 'create with files of the image',
    before: (hand) =>
      hand.post(
        '/images/create?fromSrc=-&repo=files',
        tarOf({ 'data/a': 'a', 'data/sub/b': 'b', 'data/sub/c': 'c', 'data/d': 'x'.repeat(100_000) }),
      ),
    act: (hand) =>
      hand.create('cc', { Image: 'files', WorkingDir: '/w', HostConfig: { Binds: ['vv:/data'] } }),
    // Its volume may be there without it, empty or with all.
    between: (lines) =>
      !lines.some((line) => line.startsWith('container')) &&
      lines.every((line) => !line.startsWith('volume') || /of $|of a,d,sub,sub\/b,sub\/c$/.test(line)),
  },
  {
    name: 'start',
    before: (hand) => hand.create('cc', NONE),
    act: (hand) => hand.post('/containers/cc/start'),
    between: inState('exited'),
  },
  {
    name: 'start with networks',
    before: withNetwork(RICH, 'create'),
    act: (hand) => hand.post('/containers/cc/start'),
    between: inState('exited'),
  },
  {
    name: 'start of one that goes',
    before: (hand) =>
      hand.create('cc', { Cmd: ['true'], HostConfig: { NetworkMode: 'none', AutoRemove: true } }),
    act: (hand) => hand.post('/containers/cc/start'),
  },
  { name: 'stop', ends: true, before: running, act: (hand) => hand.post('/containers/cc/stop?t=0') },
  {
    name: 'kill',
    ends: true,
    before: withNetwork(RICH, 'run'),
    act: (hand) => hand.post('/containers/cc/kill'),
  },
  {
    name: 'restart',
    before: withNetwork(PUBLISHED, 'run'),
    act: (hand) => hand.post('/containers/cc/restart?t=0'),
    between: inState('exited'),
  },
  { name: 'pause', before: running, act: (hand) => hand.post('/containers/cc/pause') },
  {
    name: 'unpause',
    before: async (hand) => {
      await running(hand);
      await hand.post('/containers/cc/pause');
    },
    act: (hand) => hand.post('/containers/cc/unpause'),
  },
  {
    name: 'rename',
    before: withNetwork(PUBLISHED, 'run'),
    act: (hand) => hand.post('/containers/cc/rename?name=dd'),
  },
  {
    name: 'update of limits',
    before: (hand) => hand.run('cc', { HostConfig: { NetworkMode: 'none', Memory: 64 << 20 } }),
    act: (hand) =>
      hand.post('/containers/cc/update', {
        Memory: 96 << 20,
        MemorySwap: -1,
        RestartPolicy: { Name: 'always' },
      }),
  },
  {
    name: 'update of ports',
    before: withNetwork(PUBLISHED, 'run'),
    act: (hand) =>
      hand.post('/containers/cc/update', {
        PortBindings: {
          '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }],
          '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '18081' }],
        },
      }),
  },
  {
    name: 'update of mounts',
    before: (hand) => hand.run('cc', { HostConfig: { NetworkMode: 'none', Binds: ['vv:/m/a'] } }),
    act: (hand) =>
      hand.post('/containers/cc/update', {
        Mounts: [{ Type: 'volume', Source: 'ww', Target: '/m/b' }],
        RemovedMounts: ['/m/a'],
        Labels: { changed: 'yes' },
      }),
    // The volume that was made for it may stay, as with a create.
    between: (lines) =>
      lines.some((line) => line.includes('"volume /m/a vv"')) && !lines.join().includes('changed'),
  },
  {
    name: 'update of the log',
    before: running,
    act: (hand) => hand.post('/containers/cc/update', { LogConfig: { Type: 'local' }, Env: { A: 'b' } }),
  },
  { name: 'remove', ends: true, before: exited, act: (hand) => hand.delete('/containers/cc') },
  {
    name: 'remove by force, with volumes',
    ends: true,
    before: withNetwork(RICH, 'run'),
    act: (hand) => hand.delete('/containers/cc?force=1&v=1'),
    between: inState('exited'),
  },
  {
    name: 'prune containers',
    ends: true,
    before: async (hand) => {
      await hand.create('cc', NONE);
      await hand.create('dd', NONE);
    },
    act: (hand) => hand.post('/containers/prune'),
    between: (lines) => lines.filter((line) => line.startsWith('container')).length === 1,
  },
  {
    name: 'exec, detached',
    before: running,
    act: async (hand) => {
      const { Id } = await hand.post('/containers/cc/exec', { Cmd: ['true'] });
      await hand.post(`/exec/${Id}/start`, { Detach: true });
    },
  },
  {
    name: 'end of one that is restarted',
    before: async (hand) => {
      await network(hand);
      await hand.run('cc', {
        ...PUBLISHED,
        HostConfig: { ...PUBLISHED.HostConfig, RestartPolicy: { Name: 'always' } },
      });
    },
    act: (hand) =>
      hand.post('/containers/cc/kill?signal=USR1').then(() => hand.post('/containers/cc/kill?signal=9')),
    between: inState('exited', 'restarting'),
  },
  {
    name: 'joined network',
    before: async (hand) => {
      await network(hand);
      await hand.run('aa', { HostConfig: { NetworkMode: 'nn' } });
    },
    act: (hand) => hand.run('cc', { HostConfig: { NetworkMode: 'container:aa' } }),
    between: () => true,
  },
];
