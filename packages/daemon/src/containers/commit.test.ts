import { commitConfig } from './commit.ts';
import { mergeConfig } from './create/config.ts';

const own = mergeConfig(
  {
    Image: 'x',
    Entrypoint: ['/bin/sh'],
    Cmd: ['-c', 'a'],
    Env: ['A=1', 'B=2'],
    Hostname: 'hn',
    Tty: true,
    StopTimeout: 7,
    Healthcheck: { Test: ['CMD', 'c'], Interval: 5_000_000_000 },
  },
  {},
);

test('a commit without a configuration writes down all of the container, its changes over it', async () => {
  for (const body of [undefined, {}, { bogus: 1 }])
    expect(await commitConfig(body, ['CMD ["q"]'], own)).toMatchObject({
      Entrypoint: ['/bin/sh'],
      Cmd: ['q'],
      Hostname: 'hn',
      Tty: true,
      StopTimeout: 7,
    });
});

test('of a configuration what it leaves empty comes from the container', async () => {
  expect(await commitConfig({ Entrypoint: [] }, [], own)).toMatchObject({ Entrypoint: [], Cmd: ['-c', 'a'] });
  const entry = await commitConfig({ Entrypoint: 'e' }, [], own);
  expect(entry).toMatchObject({ Entrypoint: ['e'], Env: ['A=1', 'B=2'] });
  expect(entry.Cmd).toBeUndefined();
  expect(await commitConfig({ Cmd: ['q'] }, [], own)).toMatchObject({ Entrypoint: ['/bin/sh'], Cmd: ['q'] });
  expect((await commitConfig({ Healthcheck: { Retries: 4 } }, [], own)).Healthcheck).toEqual({
    Test: ['CMD', 'c'],
    Interval: 5_000_000_000,
    Retries: 4,
  });
  const given = await commitConfig({ StopTimeout: 3, Hostname: 'zz', Env: ['A=9'] }, ['ENV C=$A$B'], own);
  expect(given).toMatchObject({ StopTimeout: 3, Hostname: 'zz', Env: ['A=9', 'C=9', 'B=2'] });
  expect(given.Tty).toBeUndefined();
});

test('ENTRYPOINT [] of a change leaves the entry point of the container', async () => {
  expect(await commitConfig(undefined, ['ENTRYPOINT []'], own)).toMatchObject({
    Entrypoint: ['/bin/sh'],
    Cmd: ['-c', 'a'],
  });
});
