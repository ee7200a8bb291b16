import type { Page } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

let daemon: TestDaemon;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start(['--label', 'place=<b>cellar</b>']);
  await daemon.call('POST', '/containers/create?name=idle', { Image: 'bb', Cmd: ['true'] });
  seen = await openPage(daemon);
  page = seen.page;
  page.setDefaultTimeout(10_000);
  await seen.section('Host');
});
afterAll(() => daemon?.dispose());

/** A fact by its name. */
const fact = (name: string) =>
  page
    .locator('.facts > div')
    .filter({ has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) })
    .locator('dd');

test('the engine and its machine are shown, and how many containers there are at each moment', async () => {
  const { json } = await daemon.call('GET', '/info');
  await fact('Kernel').getByText(json.KernelVersion).waitFor();
  expect(await fact('Engine').textContent()).toBe(`Berth ${json.ServerVersion}`);
  expect(await fact('Labels').textContent()).toBe('place=<b>cellar</b>');
  expect(await fact('Containers').textContent()).toBe('1 created');
  await daemon.box(['sleep', '1000'], { StopSignal: 'SIGKILL' }, 'more');
  await fact('Containers').getByText('1 running').waitFor();
  await seen.picture('host');
});

test('what takes the disk is measured, and the host audited', async () => {
  await page.getByRole('link', { name: 'Disk', exact: true }).click();
  const row = (name: string) =>
    page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  await row('Images').getByText(/MB$/).first().waitFor();
  expect(await row('Containers').getByRole('cell').first().textContent()).toBe('2');
  await daemon.call('POST', '/volumes/create', { Name: 'data' });
  await page.getByRole('button', { name: 'Measure again' }).click();
  await row('Volumes').getByRole('cell', { name: '1' }).first().waitFor();
  await seen.picture('host-disk');
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByText(/^\d+ findings, \d+ rules hold\.$/).waitFor();
  await seen.picture('host-audit');
});
