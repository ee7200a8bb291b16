import { createBody, emptyForm, type RunForm } from './body.ts';
import { fieldOf } from './fields.ts';

const form = (parts: Partial<RunForm>): RunForm => ({ ...emptyForm(' nginx '), ...parts });

test('what was typed becomes a request; rows that are empty are none', () => {
  const body = createBody(
    form({
      command: `sh -c 'a b'`,
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
    Cmd: ['sh', '-c', 'a b'],
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
  expect(createBody(form({}))).not.toHaveProperty('Cmd');
});

test.each([
  ['memory', { memory: '64 parsecs' }],
  ['cpus', { cpus: 'many' }],
  ['pids', { pids: '-1' }],
  ['command', { command: 'echo "' }],
  ['restart', { restart: 'on-failure', retries: 'x' }],
])('a text that cannot be read is the fault of %s', (field, parts) => {
  expect(() => createBody(form(parts))).toThrow(expect.objectContaining({ field }));
});

test('a refusal that names nothing of the form belongs to no field', () => {
  expect(fieldOf('the disk is full')).toBeUndefined();
});
