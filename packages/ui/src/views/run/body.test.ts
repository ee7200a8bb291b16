import { createBody, emptyForm, type RunForm } from './body.ts';
import { fieldOf } from './fields.ts';

const form = (parts: Partial<RunForm>): RunForm => ({ ...emptyForm(' nginx '), ...parts });

test('what was typed becomes a request; rows that are empty are none', () => {
  const body = createBody(
    form({
      entrypoint: 'env -i',
      command: `sh -c 'a b'`,
      user: ' 1000:1000',
      folder: '/srv ',
      labels: [
        { name: 'team ', value: 'web' },
        { name: '', value: '' },
      ],
      health: 'command',
      healthCommand: 'true',
      healthInterval: '1m30s',
      healthRetries: '5',
      ports: [
        { address: '', host: '', container: '', protocol: 'tcp' },
        { address: '127.0.0.1', host: '8080', container: '80', protocol: 'tcp' },
        { address: '', host: '8081', container: '80', protocol: 'tcp' },
      ],
      mounts: [
        { source: '/srv', target: '/a', readOnly: true },
        { source: 'data', target: '/b', readOnly: false },
        { source: '', target: '', readOnly: true },
      ],
      env: [
        { name: 'A', value: ' 1' },
        { name: '', value: '' },
      ],
      memory: '64m',
      cpus: '1.5',
      pids: '10',
      restart: 'on-failure',
      retries: '3',
    }),
  );
  expect(body).toMatchObject({
    Image: 'nginx',
    Entrypoint: ['env', '-i'],
    Cmd: ['sh', '-c', 'a b'],
    User: '1000:1000',
    WorkingDir: '/srv',
    Labels: { team: 'web' },
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 90e9, Timeout: 0, StartPeriod: 0, Retries: 5 },
    Env: ['A= 1'],
    ExposedPorts: { '80/tcp': {} },
    HostConfig: {
      PortBindings: {
        '80/tcp': [
          { HostIp: '127.0.0.1', HostPort: '8080' },
          { HostIp: '', HostPort: '8081' },
        ],
      },
      Mounts: [
        { Type: 'bind', Source: '/srv', Target: '/a', ReadOnly: true },
        { Type: 'volume', Source: 'data', Target: '/b', ReadOnly: false },
      ],
      Memory: 64 * 2 ** 20,
      NanoCpus: 1_500_000_000,
      PidsLimit: 10,
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    },
  });
  const plain = createBody(form({}));
  for (const own of ['Entrypoint', 'Cmd', 'Healthcheck']) expect(plain).not.toHaveProperty(own);
  expect(createBody(form({ health: 'none', healthCommand: 'true' })).Healthcheck).toEqual({ Test: ['NONE'] });
});

test.each([
  ['memory', { memory: '64 parsecs' }],
  ['cpus', { cpus: 'many' }],
  ['pids', { pids: '-1' }],
  ['command', { command: 'echo "' }],
  ['restart', { restart: 'on-failure', retries: 'x' }],
  ['entrypoint', { entrypoint: "it's" }],
  ['labels', { labels: [{ name: '', value: 'x' }] }],
  ['health', { health: 'command' }],
  ['healthInterval', { health: 'command', healthCommand: 'true', healthInterval: '5' }],
  ['healthRetries', { health: 'command', healthCommand: 'true', healthRetries: 'x' }],
])('a text that cannot be read is the fault of %s', (field, parts) => {
  expect(() => createBody(form(parts))).toThrow(expect.objectContaining({ field }));
});

test('a long refusal is read in a moment', () => {
  const began = performance.now();
  expect(fieldOf('image '.repeat(1_000_000), emptyForm(''))).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(50);
});

test('a refusal that names nothing of the form belongs to no field', () => {
  expect(fieldOf('the disk is full', emptyForm(''))).toBeUndefined();
});
