import { del, get, post, running, type Scenario } from './scenario.ts';

const UPGRADE = { connection: 'Upgrade', upgrade: 'tcp' };
const talks = (name: string, body: object = {}) => [
  post(`/containers/create?name=${name}`, {
    Image: 'bb:latest',
    Cmd: ['sh', '-c', 'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three; sleep 600'],
    Labels: { l: 'm' },
    HostConfig: { LogConfig: { Type: 'json-file', Config: { labels: 'l' } } },
    ...body,
  }),
  post(`/containers/${name}/start`, undefined, { settle: 500 }),
];

export const streams: Scenario[] = [
  {
    name: 'logs',
    steps: [
      ...talks('cc'),
      ...[
        'stdout=1',
        'stderr=1',
        'stdout=1&stderr=1&timestamps=1',
        'stdout=1&stderr=1&details=1',
        'stdout=1&stderr=1&tail=1',
        'stdout=1&stderr=1&tail=0',
        'stdout=1&stderr=1&tail=all',
        'stdout=1&stderr=1&tail=x',
        'stdout=1&stderr=1&tail=-5',
        'stdout=1&since=9999999999',
        'stdout=1&since=x',
        'stdout=1&until=1',
        'stdout=1&until=x',
        'stdout=0&stderr=0',
        '',
        'stdout=bogus',
      ].map((query) => get(`/containers/cc/logs?${query}`)),
      get('/containers/cc/logs?stdout=1&stderr=1&follow=1', { ms: 400 }),
      get('/containers/cc/logs?follow=1', { ms: 400 }),
      ...[
        'logs=1&stdout=1&stderr=1',
        'logs=1&stdout=1',
        'stream=1&stdout=1',
        'logs=1&stream=1&stdout=1&stderr=1',
        '',
      ].flatMap((query) => [
        post(`/containers/cc/attach?${query}`, undefined, { ms: 400 }),
        post(`/containers/cc/attach?${query}`, undefined, { ms: 400, headers: UPGRADE, note: 'upgraded' }),
      ]),
      post('/containers/cc/attach?stream=1&stdout=1&detachKeys=bogus', undefined, { ms: 400 }),
      del('/containers/cc?force=1'),
      ...talks('tt', { Tty: true }),
      get('/containers/tt/logs?stdout=1'),
      get('/containers/tt/logs?stdout=1&timestamps=1'),
      post('/containers/tt/attach?logs=1&stdout=1', undefined, { ms: 400, headers: UPGRADE }),
      post('/containers/tt/resize?h=10&w=20'),
      del('/containers/tt?force=1'),
      ...talks('nn', { HostConfig: { LogConfig: { Type: 'none' } } }),
      get('/containers/nn/logs?stdout=1'),
      post('/containers/nn/attach?logs=1&stdout=1', undefined, { ms: 400 }),
      del('/containers/nn?force=1'),
    ],
  },
  {
    name: 'exec',
    steps: [
      ...running('cc'),
      ...[
        { Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'], AttachStdout: true, AttachStderr: true },
        {
          Cmd: ['sh', '-c', 'tty; echo $A; pwd; id -u'],
          AttachStdout: true,
          Tty: true,
          Env: ['A=b'],
          WorkingDir: '/tmp',
          User: '5',
        },
        { Cmd: ['nosuch'], AttachStdout: true },
        { Cmd: ['/etc'], AttachStdout: true },
        { Cmd: ['true'], AttachStdout: true, User: 'nosuch' },
        { Cmd: ['true'], AttachStdout: true, WorkingDir: '/nosuch' },
        { Cmd: ['true'], AttachStdout: true, DetachKeys: 'ctrl-x,y', Privileged: true },
      ].flatMap((exec) => [
        post('/containers/cc/exec', exec, { save: 'exec', note: JSON.stringify(exec) }),
        get('/exec/${exec}/json', { note: 'before' }),
        post(
          '/exec/${exec}/start',
          { Detach: false, Tty: 'Tty' in exec },
          { ms: 1500, note: JSON.stringify(exec) },
        ),
        get('/exec/${exec}/json', { note: JSON.stringify(exec) }),
        post('/exec/${exec}/start', { Detach: true }, { note: 'again' }),
        post('/exec/${exec}/start', { Detach: false }, { note: 'again, attached', ms: 500 }),
      ]),
      post('/containers/cc/exec', { Cmd: ['sleep', '5'] }, { save: 'exec' }),
      post('/exec/${exec}/start', { Detach: false }, { headers: UPGRADE, ms: 300, note: 'without streams' }),
      post('/exec/${exec}/resize?h=5&w=5'),
      post('/exec/${exec}/resize?h=x&w=5'),
      get('/exec/${exec}/json'),
      ...[
        {},
        { Cmd: [] },
        { Cmd: 'x' },
        { Cmd: ['x'], DetachKeys: 'bogus' },
        { Cmd: ['x'], Env: ['='] },
        { Cmd: [1] },
      ].map((exec) => post('/containers/cc/exec', exec, { note: JSON.stringify(exec) })),
      post('/containers/cc/exec', '{', { note: 'broken' }),
      post('/containers/cc/exec', undefined, { note: 'nothing' }),
      post('/exec/nosuch/start', { Detach: true }),
      post('/exec/nosuch/start', { Detach: false }),
      post('/exec/nosuch/resize?h=1&w=1'),
      get('/exec/nosuch/json'),
      post('/containers/cc/pause'),
      post('/containers/cc/exec', { Cmd: ['true'] }, { note: 'paused' }),
      del('/containers/cc?force=1'),
      get('/exec/${exec}/json', { note: 'of what is gone' }),
    ],
  },
  {
    name: 'stats',
    steps: [
      ...running('cc'),
      get('/containers/cc/stats?stream=0', { ms: 4000, pick: keys }),
      get('/containers/cc/stats?stream=0&one-shot=1', { ms: 4000, since: 41, pick: keys }),
      get('/containers/cc/stats', { ms: 500, unread: true }),
      get('/containers/cc/stats?stream=bogus', { ms: 500, unread: true }),
      del('/containers/cc?force=1'),
    ],
  },
];

/** Names of members, however deep; how often a list's one stands is the machine's matter. */
function keys(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? ['...'] : [];
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, keys(member)]));
}
