import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { TestDaemon, until } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';
import { SlowRegistry } from '../../support/slow-registry.ts';

const SCRIPT = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
const DOCKERFILE = `FROM bb
LABEL hostile='${SCRIPT}'
RUN dd if=/dev/zero of=/big bs=1k count=300; echo once > /twice
RUN rm /big; echo again > /twice; : '<b>bold</b>'
`;

let daemon: TestDaemon;
let registry: SlowRegistry;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  [daemon, registry] = await Promise.all([TestDaemon.start(), SlowRegistry.start()]);
  const folder = join(daemon.folder, 'context');
  mkdirSync(folder);
  writeFileSync(join(folder, 'Dockerfile'), DOCKERFILE);
  const { status, stderr } = daemon.berth(['build', '-t', 'wasteful', folder]);
  expect([status, stderr]).toEqual([0, expect.anything()]);
  [seen] = await Promise.all([
    openPage(daemon),
    daemon.box(['sleep', '1000'], { StopSignal: 'SIGKILL' }, 'user'),
  ]);
  page = seen.page;
});
afterAll(async () => {
  registry?.stop();
  await daemon?.dispose();
});

/** Goes to the list of images by clicking. */
const list = () => seen.section('Images');

/** The row of an image in the list. */
const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('link', { name }) });

test('images are listed with what is shared and who uses them, tagged and untagged', async () => {
  await list();
  await row('bb:latest').getByRole('link', { name: 'user' }).waitFor();
  await row('wasteful:latest').locator('[data-title="Its own"]').getByText('307 kB').waitFor();
  await page.getByRole('button', { name: 'tag wasteful:latest' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Give wasteful:latest one more name' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('NO:x');
  await page.keyboard.press('Enter');
  await dialog.getByText(/must be lowercase/).waitFor();
  expect(await seen.violations()).toEqual([]);
  await dialog.getByRole('textbox', { name: 'Name' }).fill('more:v1');
  await page.keyboard.press('Enter');
  await row('wasteful:latest').or(row('more:v1')).getByText('more:v1').waitFor();
  await page.getByRole('searchbox', { name: 'Find an image' }).fill('hostile=<img');
  await page.getByText('1 of 2').waitFor();
  await page.getByRole('searchbox', { name: 'Find an image' }).fill('');
});

test('an image is shown with its layers, what is wasted in them, explained and audited', async () => {
  await list();
  await page.getByRole('link', { name: /^(?:wasteful:latest|more:v1)$/ }).click();
  await page.getByText(SCRIPT, { exact: true }).waitFor();
  await page.getByRole('button', { name: 'untag more:v1' }).click();
  await page.getByText('more:v1 untagged').waitFor();
  await page.getByRole('heading', { level: 1, name: 'wasteful:latest' }).waitFor();
  await page.getByRole('link', { name: 'Layers', exact: true }).click();
  const layers = page.getByRole('list', { name: 'Layers, the topmost first' }).getByRole('listitem');
  const [top, middle] = [layers.filter({ hasText: 'RUN rm /big' }), layers.filter({ hasText: 'RUN dd if=' })];
  await top.getByText('hides 2 files below').waitFor();
  await top.getByText('<b>bold</b>', { exact: false }).waitFor();
  await middle.getByText('307 kB of it wasted').waitFor();
  const wasted = page.getByRole('region', { name: 'Wasted files' }).getByRole('row');
  await wasted.filter({ hasText: '/big' }).getByText('deleted by a later layer').waitFor();
  await wasted.filter({ hasText: '/twice' }).getByText('written again by a later layer').waitFor();
  await seen.picture('image-layers');
  expect(await seen.violations()).toEqual([]);
  await page.getByRole('link', { name: 'Explain', exact: true }).click();
  await page.getByRole('heading', { name: 'Its containers would get' }).waitFor();
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByText(/\d+ findings, \d+ rules hold/).waitFor();
  await page.getByRole('link', { name: 'Inspect', exact: true }).click();
  await page.getByText('"Architecture"').waitFor();
});

test('a pull shows how far each layer is; one that is cancelled ends at the registry', async () => {
  await list();
  const image = `${registry.host}/some`;
  const name = page.getByRole('textbox', { name: 'Image to pull' });
  await name.fill(image);
  await name.press('Enter');
  const pulling = page.getByRole('region', { name: `Pull of ${image}` });
  const bar = pulling.getByRole('progressbar').last();
  await pulling.getByText(/^Downloading .* of 4\.20 MB$/).waitFor();
  const share = (): Promise<number> =>
    bar.evaluate((element) => (element as unknown as { value: number }).value);
  const before = await share();
  await until('the bar to move', async () => (await share()) > before);
  await seen.picture('pull');
  expect(await seen.violations()).toEqual([]);
  await page.getByRole('button', { name: `Cancel the pull of ${image}` }).press('Enter');
  await pulling.getByText('Cancelled').waitFor();
  await until('the daemon to leave the registry', () => registry.broken === 1);
  expect((await daemon.call('GET', `/images/${image}/json`)).status).toBe(404);
  await page.getByRole('button', { name: `Close the pull of ${image}` }).click();
  registry.pause = 1;
  await name.fill(image);
  await page.getByRole('button', { name: 'Pull', exact: true }).click();
  await pulling.getByText('Status: Downloaded newer image', { exact: false }).waitFor();
  await row(`${image}:latest`).waitFor();
  await name.fill(`${registry.host}/some:missing`);
  await name.press('Enter');
  await page.getByRole('alert').getByText('manifest unknown', { exact: false }).waitFor();
});

test('images are removed, and those that nothing uses pruned', async () => {
  await list();
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'remove bb:latest' }).press('Enter');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await dialog.getByText('image is being used by running container', { exact: false }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'remove wasteful:latest' }).press('Enter');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await row('wasteful:latest').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Prune' }).press('Enter');
  await dialog.getByRole('checkbox', { name: 'Those with a name, too' }).check();
  await dialog.getByRole('button', { name: 'Prune', exact: true }).press('Enter');
  await page.getByText(/^[\d.]+ MB reclaimed$/).waitFor();
  await row(registry.host).waitFor({ state: 'hidden' });
  expect((await daemon.call('GET', '/images/json')).json).toHaveLength(1);
});
