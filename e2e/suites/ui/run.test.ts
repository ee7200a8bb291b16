import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import type { Locator, Page } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';
import { SlowRegistry } from '../../support/slow-registry.ts';

let daemon: TestDaemon;
let registry: SlowRegistry;
let taken: Server;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  [daemon, registry] = await Promise.all([TestDaemon.start(), SlowRegistry.start()]);
  registry.pause = 1;
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  await daemon.call('POST', '/networks/create', { Name: 'own' });
  seen = await openPage(daemon);
  page = seen.page;
});
afterAll(async () => {
  registry?.stop();
  taken?.close();
  await daemon?.call('DELETE', '/networks/own');
  await daemon?.dispose();
});

const text = (name: string): Locator => page.getByRole('textbox', { name, exact: true });
const submit = () => page.getByRole('button', { name: 'Run', exact: true }).press('Enter');

test('a form is filled by the keyboard, refusals stand at their fields, and the container is shown', async () => {
  await page.getByRole('link', { name: 'Run', exact: true }).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Run a container' }).waitFor();
  const image = page.getByRole('combobox', { name: 'Image' });
  await image.fill('bb');

  /** The message at a field, which has the focus, and nothing of the container is left. */
  async function refused(field: Locator, value: string, words: RegExp, right = ''): Promise<void> {
    await field.fill(value);
    await submit();
    await page.getByRole('alert').getByText(words).waitFor();
    const marked = page.locator('[aria-invalid], [data-invalid] *').and(field);
    expect([value, await marked.count()]).toEqual([value, 1]);
    await field.fill(right);
  }
  await refused(text('Name'), '-bad', /Invalid container name/, 'formed');
  await refused(text('Memory at most'), '1m', /Minimum memory limit/, '64m');
  await refused(text('Memory at most'), 'much', /invalid/, '64m');
  await refused(text('Processors at most'), '1000', /Range of CPUs/, '0.5');
  await refused(text('Command'), 'no-such-program', /executable file not found/, '');
  await refused(text('Entrypoint'), 'no-such-entry', /executable file not found/, '');
  await refused(text('User'), 'nobody-of-it', /no matching entries in passwd/, '0:0');
  await refused(text('Working folder'), 'relative', /working directory/, '/tmp');
  await page.getByRole('combobox', { name: 'Health check' }).selectOption('command');
  await refused(text('Command of the check'), '', /needs a command/, 'test -e /tmp');
  await refused(text('Time between checks'), '1us', /cannot be less than 1ms/, '100ms');
  await page.getByRole('button', { name: 'Add a label' }).press('Enter');
  await text('Value of label 1').fill('web');
  await refused(text('Name of label 1'), '', /needs a name/, 'team');
  await refused(text('Command'), 'sh -c "', /not closed/, `sh -c 'echo "it is $WORD"; exec sleep 1000'`);
  await page.getByRole('button', { name: 'Add a port' }).press('Enter');
  await page.getByRole('combobox', { name: 'Address of port 1' }).fill('127.0.0.1');
  await refused(text('Container port of port 1'), 'web', /invalid port specification/, '80');
  const { port } = taken.address() as AddressInfo;
  await refused(text('Host port of port 1'), String(port), /in use|already allocated/, '');
  await page.getByRole('button', { name: 'Add a mount' }).press('Enter');
  await text('Place of mount 1').fill('/data');
  const source = page.getByRole('combobox', { name: 'Source of mount 1' });
  await refused(source, '/no/such/folder', /bind source path does not exist/, 'kept');
  await page.getByRole('button', { name: 'Add a variable' }).press('Enter');
  await text('Value of variable 1').fill('here');
  await refused(text('Name of variable 1'), '', /invalid environment variable/, 'WORD');
  await seen.picture('run');
  expect(await seen.violations()).toEqual([]);
  await page.setViewportSize({ width: 360, height: 800 });
  await seen.picture('run-rows-360');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  await page.setViewportSize({ width: 1280, height: 800 });
  expect((await daemon.call('GET', '/containers/json?all=1')).json).toEqual([]);

  await text('Processes at most').fill('50');
  await page.getByRole('combobox', { name: 'After its end' }).selectOption('on-failure');
  await text('Tries at most').fill('3');
  await page.getByRole('combobox', { name: 'Network' }).selectOption('own');
  await page.getByRole('checkbox', { name: 'With a terminal', exact: false }).check();
  await submit();
  await page.getByRole('heading', { level: 1, name: 'formed' }).waitFor();
  await page.getByRole('link', { name: 'Logs', exact: true }).click();
  await page.getByText('it is here').waitFor();
  const { json } = await daemon.call('GET', '/containers/formed/json');
  expect(json.HostConfig).toMatchObject({
    Memory: 64 * 2 ** 20,
    NanoCpus: 5e8,
    PidsLimit: 50,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    NetworkMode: 'own',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
  });
  expect(json.Mounts).toMatchObject([{ Type: 'volume', Name: 'kept', Destination: '/data', RW: true }]);
  expect(json.Config).toMatchObject({
    Tty: true,
    OpenStdin: true,
    User: '0:0',
    WorkingDir: '/tmp',
    Labels: { team: 'web' },
    Healthcheck: { Test: ['CMD-SHELL', 'test -e /tmp'], Interval: 1e8 },
  });
  await page.locator('.health.healthy').waitFor();
});

test('a name that is taken, and an image that is not here, which is pulled and run', async () => {
  await seen.section('Images');
  await page.getByRole('link', { name: 'bb:latest' }).click();
  await page.getByRole('link', { name: 'Run', exact: true }).click();
  await text('Name').fill('formed');
  await submit();
  await page.getByRole('alert').getByText('is already in use').waitFor();
  await text('Name').fill('pulled');
  await page.getByRole('combobox', { name: 'Image' }).fill(`${registry.host}/some`);
  await text('Command').fill('sleep 1000');
  await submit();
  await page.getByRole('alert').getByText('No such image').waitFor();
  registry.pause = 40;
  await page.getByRole('button', { name: 'Pull it and run' }).press('Enter');
  // Input that is typed during the pull counts.
  await text('Processes at most').fill('40');
  await page.getByRole('heading', { level: 1, name: 'pulled' }).waitFor();
  await page.getByText('running', { exact: true }).waitFor();
  expect((await daemon.call('GET', '/containers/pulled/json')).json.HostConfig.PidsLimit).toBe(40);
  await Promise.all(
    ['formed', 'pulled'].map((name) => daemon.call('DELETE', `/containers/${name}?force=1&v=1`)),
  );
});
