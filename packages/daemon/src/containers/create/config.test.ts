import { commandLine, mergeConfig } from './config.ts';

const image = {
  Cmd: ['serve'],
  Entrypoint: ['/entry'],
  Env: ['PATH=/bin', 'A=image'],
  Labels: { a: '1', b: '1' },
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/data': {} },
  WorkingDir: '/srv',
  User: 'app',
  StopSignal: 'SIGQUIT',
  Healthcheck: { Test: ['CMD', 'check'], Retries: 5 },
};

test('what the user leaves out is the image`s', () => {
  const config = mergeConfig({ Image: 'x' }, image);
  expect(config).toMatchObject({
    Cmd: ['serve'],
    Entrypoint: ['/entry'],
    Env: ['PATH=/bin', 'A=image'],
    WorkingDir: '/srv',
    User: 'app',
    StopSignal: 'SIGQUIT',
    Volumes: { '/data': {} },
  });
  expect(commandLine(config)).toEqual({ path: '/entry', args: ['serve'] });
});

test.each([
  ['a Cmd of the user goes to the image`s Entrypoint', { Cmd: ['x'] }, ['/entry', 'x']],
  ['an Entrypoint of the user drops the image`s Cmd', { Entrypoint: ['/mine'] }, ['/mine']],
  ['an empty Entrypoint leaves the image`s Cmd', { Entrypoint: [] }, ['serve']],
  ['an Entrypoint of one empty word takes the image`s away', { Entrypoint: [''], Cmd: ['x'] }, ['x']],
  ['a lone string is a list of one', { Cmd: 'x y' }, ['/entry', 'x y']],
])('%s', (_name, body, expected) => {
  const { path, args } = commandLine(mergeConfig({ Image: 'x', ...body }, image));
  expect([path, ...args]).toEqual(expected);
});

test('environment, labels, ports, volumes and health are merged', () => {
  const config = mergeConfig(
    {
      Image: 'x',
      Env: ['A=mine', 'B'],
      Labels: { b: '2' },
      ExposedPorts: { '81': {} },
      Volumes: { '/more': {} },
      Healthcheck: { Interval: 5_000_000_000 },
    },
    image,
  );
  expect(config.Env).toEqual(['A=mine', 'B', 'PATH=/bin']);
  expect(config.Labels).toEqual({ a: '1', b: '2' });
  expect(Object.keys(config.ExposedPorts!).sort()).toEqual(['80/tcp', '81']);
  expect(Object.keys(config.Volumes!).sort()).toEqual(['/data', '/more']);
  expect(config.Healthcheck).toEqual({ Test: ['CMD', 'check'], Retries: 5, Interval: 5_000_000_000 });
});

test.each([
  [{}, {}, 'no command specified'],
  [
    { Cmd: ['x'], WorkingDir: 'rel' },
    {},
    "the working directory 'rel' is invalid, it needs to be an absolute path",
  ],
  [{ Cmd: ['x'], StopSignal: 'x' }, {}, 'invalid signal: x'],
  [{ Cmd: ['x'], Env: ['=x'] }, {}, 'invalid environment variable: =x'],
  [{ Cmd: ['x'], Healthcheck: { Interval: 5 } }, {}, 'Interval in Healthcheck cannot be less than 1ms'],
  [{ Cmd: ['x'], Healthcheck: { Retries: -5 } }, {}, 'Retries in Healthcheck cannot be negative'],
])('refuses %j', (body, from, message) => {
  expect(() => mergeConfig(body, from)).toThrow(
    expect.objectContaining({ kind: 'invalid-parameter', message }),
  );
});
