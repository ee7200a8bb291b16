import { del, get, json, post, running, type Scenario, type Step } from './scenario.ts';

const state = (note: string): Step => get('/containers/cc/json', { note, pick: stateOf });
const CALLS = ['start', 'stop?t=0', 'restart?t=0', 'kill', 'pause', 'unpause', 'resize?h=5&w=5'];

/** Each call of a container in each state, which is brought about anew before each. */
const inState = (name: string, into: Step[], create: Step[] = running('cc')): Scenario => ({
  name: `state-${name}`,
  steps: [
    ...[
      ...CALLS.map((call) => post(`/containers/cc/${call}`)),
      del('/containers/cc'),
      get('/containers/cc/top'),
    ].flatMap((step) => [
      ...create,
      ...into,
      step,
      state(`after ${step.method} ${step.path}`),
      del('/containers/cc?force=1'),
    ]),
    ...create,
    ...into,
    get('/containers/cc/changes', { pick: () => '' }),
    get('/containers/cc/stats?stream=0', { ms: 4000, pick: (value) => Object.keys(value as object) }),
    get('/containers/cc/logs?stdout=1'),
    post('/containers/cc/exec', { Cmd: ['true'] }, { save: 'exec' }),
    post('/exec/${exec}/start', { Detach: true }),
    post('/containers/cc/attach?stream=1&stdout=1', undefined, { ms: 500 }),
    post('/containers/cc/update', { Memory: 134217728, MemorySwap: 268435456 }),
    post('/containers/cc/rename?name=dd'),
    del('/containers/dd?force=1'),
  ],
});

export const lifecycle: Scenario[] = [
  inState('created', [], [post('/containers/create?name=cc', { Image: 'bb:latest', Cmd: ['sleep', '600'] })]),
  inState('running', []),
  inState('paused', [post('/containers/cc/pause')]),
  inState('exited', [post('/containers/cc/kill', undefined, { settle: 300 })]),
  {
    name: 'lifecycle',
    steps: [
      ...running('cc'),
      post('/containers/cc/start', undefined, { note: 'twice' }),
      post('/containers/cc/start', { HostConfig: {} }, { note: 'with a body' }),
      post('/containers/cc/start?detachKeys=bogus'),
      post('/containers/cc/kill?signal=BOGUS'),
      post('/containers/cc/kill?signal=99'),
      post('/containers/cc/kill?signal=0'),
      post('/containers/cc/stop?t=x'),
      post('/containers/cc/stop?t=0&signal=BOGUS', undefined, { since: 42 }),
      post('/containers/cc/restart?t=x'),
      post('/containers/cc/rename?name=cc'),
      post('/containers/cc/rename'),
      post('/containers/cc/rename?name=a b'.replace(' ', '%20')),
      post('/containers/cc/update', { Memory: 5 }),
      post('/containers/cc/update', { RestartPolicy: { Name: 'bogus' } }),
      post('/containers/cc/update', { RestartPolicy: { Name: 'always' } }),
      post('/containers/cc/update', { CpusetCpus: '99' }),
      post('/containers/cc/update', { NanoCpus: 1e9, CpuPeriod: 5000 }),
      post('/containers/cc/update', { Bogus: 1 }),
      post('/containers/cc/update', '{', { note: 'broken' }),
      post('/containers/cc/update', {}),
      post('/containers/cc/wait?condition=bogus', undefined, { since: 30 }),
      post('/containers/cc/wait?condition=next-exit', undefined, { ms: 300, since: 30 }),
      get('/containers/cc/top?ps_args=bogus'),
      get('/containers/cc/top?ps_args=-o%20pid,comm', {
        pick: (value) => (value as { Titles: unknown }).Titles,
      }),
      get('/containers/cc/top?ps_args=-o%20comm'),
      post('/containers/cc/resize?h=x&w=1'),
      post('/containers/cc/resize'),
      post('/containers/create?name=cc', { Image: 'bb:latest' }, { note: 'taken' }),
      post('/containers/create?name=other', { Image: 'bb:latest' }),
      post('/containers/other/rename?name=cc'),
      post('/containers/cc/stop?t=0'),
      post('/containers/cc/wait'),
      get(`/events?since=1&until=9999999999&filters=${json({ container: ['cc'] })}`, {
        ms: 300,
        pick: eventOf,
      }),
      get('/events?since=1&until=2'),
      del('/containers/other'),
      del('/containers/other'),
      del('/containers/cc'),
    ],
  },
  {
    name: 'start-failures',
    steps: [
      ...[
        { Cmd: ['nosuch'] },
        { Cmd: ['/etc'] },
        { Cmd: ['/etc/passwd'] },
        { User: 'nosuch' },
        { User: '1:nosuch' },
        { WorkingDir: '/etc/passwd' },
        { HostConfig: { NetworkMode: 'nosuch' } },
        { HostConfig: { Binds: ['/etc:/etc/passwd'] } },
        { HostConfig: { Sysctls: { 'net.nosuch': '1' } } },
        { HostConfig: { PidMode: 'container:idle' } },
        { HostConfig: { IpcMode: 'container:idle' } },
        { HostConfig: { NetworkMode: 'container:idle' } },
        { HostConfig: { Links: ['idle:x'] } },
      ].flatMap((config) => [
        post('/containers/create?name=idle', { Image: 'bb:latest' }),
        post(
          '/containers/create?name=cc',
          { Image: 'bb:latest', Cmd: ['true'], ...config },
          { note: JSON.stringify(config) },
        ),
        post('/containers/cc/start', undefined, { note: JSON.stringify(config) }),
        state(JSON.stringify(config)),
        del('/containers/cc?force=1'),
        del('/containers/idle?force=1'),
      ]),
    ],
  },
];

function stateOf(value: unknown): unknown {
  const { State, RestartCount } = value as { State: object; RestartCount: number };
  return { ...State, RestartCount };
}

function eventOf(value: unknown): unknown {
  const { time: _, timeNano: __, ...event } = value as Record<string, unknown>;
  return event;
}
