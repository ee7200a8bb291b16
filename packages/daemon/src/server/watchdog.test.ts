import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A process of its own: hooks on every promise stay on until it ends. */
function watched(body: string): string {
  const program = `
    import { startWatchdog } from ${JSON.stringify(join(import.meta.dirname, 'watchdog.ts'))};
    import { createServer, get } from 'node:http';
    const watch = startWatchdog();
    const burn = (ms) => {
      const cpu = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
      for (const end = cpu() + ms; cpu() < end; );
    };
    const server = createServer(async (request, response) => {
      watch?.(request.method, request.url);
      ${body}
      response.end();
    }).listen(0, () =>
      get({ port: server.address().port, path: '/held' }, (answer) =>
        answer.resume().on('end', () => setTimeout(() => process.exit(0), 50)),
      ),
    );`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
    { encoding: 'utf8', env: { ...process.env, BERTH_WATCHDOG_MS: '100' } },
  );
  expect([status, stdout]).toEqual([0, '']);
  return stderr;
}

test.each([
  ['at once', 'burn(150);'],
  ['after it waited', 'await new Promise((resolve) => setTimeout(resolve, 20)); burn(150);'],
  ['in many steps without a turn', 'for (let step = 0; step < 300; step++) { await null; burn(0.5); }'],
])('a request that holds the loop %s is named', (_when, body) => {
  expect(watched(body)).toMatch(/held the event loop.*GET \/held/);
});

test('one that works in slices is not', () => {
  expect(
    watched(
      'for (let step = 0; step < 15; step++) { burn(10); await new Promise((next) => setTimeout(next, 15)); }',
    ),
  ).toBe('');
});
