import type { Page } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

let daemon: TestDaemon;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start();
  const network = (Name: string, more: object) => daemon.call('POST', '/networks/create', { Name, ...more });
  await network('front', { IPAM: { Config: [{ Subnet: '10.93.1.0/24' }] } });
  await network('back', { Internal: true, IPAM: { Config: [{ Subnet: '10.93.2.0/24' }] } });
  const box = (name: string, mode: string, more: object = {}) =>
    daemon.box(
      ['sleep', '1000'],
      { StopSignal: 'SIGKILL', HostConfig: { NetworkMode: mode, ...more } },
      name,
    );
  await Promise.all([
    box('web', 'front', { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18093' }] } }),
    box('db', 'back'),
    box('monitor', 'host'),
    box('lone', 'none'),
  ]);
  await box('sidecar', 'container:web');
  seen = await openPage(daemon);
  page = seen.page;
  page.setDefaultTimeout(10_000);
  await seen.section('Networks');
});
afterAll(() => daemon?.dispose());

const picture = () => page.getByRole('region', { name: 'Picture of the networks' });
const box = (name: RegExp) => picture().getByRole('link', { name });
const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });

test('networks are drawn as they are wired: the outside, host, bridges, veths, containers and ports', async () => {
  await box(/^container web, 127\.0\.0\.1:18093→80\/tcp$/).waitFor();
  await box(/^network front, br-\w+, 10\.93\.1\.0\/24$/).waitFor();
  await box(/^network back, br-\w+, 10\.93\.2\.0\/24, internal: no way out$/).waitFor();
  await box(/^container sidecar$/).waitFor();
  await box(/^container monitor$/).waitFor();
  await box(/^network none, no network$/).waitFor();
  const drawn = (await picture().locator('text').allTextContents()).map((text) => text.trim());
  expect(drawn).toEqual(expect.arrayContaining(['outside', 'host', '10.93.1.2', '10.93.2.2', 'masquerade']));
  const { HostInterface } = (await daemon.call('GET', '/berth/explain/networks/front')).json.Members[0];
  expect(drawn).toContain(HostInterface);
  // The order of the wiring: the place of each box from the outside to the program.
  const across = async (text: string): Promise<number> =>
    (await picture().getByText(text, { exact: true }).first().boundingBox())!.x;
  const places = await Promise.all(['outside', 'host', 'front', HostInterface, 'web', 'sidecar'].map(across));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  await seen.picture('networks');
  // The same as text.
  await row('front').getByText('web 10.93.1.2').waitFor();
  await row('front').getByText("as the host's address").waitFor();
  await row('back').getByText('internal: no way out').waitFor();
});

test('what others do is drawn when it happens', async () => {
  await daemon.call('POST', '/networks/create', { Name: 'late' });
  await box(/^network late, br-/).waitFor();
  // By its whole name: that of a bridge may hold these letters.
  const late = row('late').getByRole('link', { name: 'db', exact: true });
  await daemon.call('POST', '/networks/late/connect', { Container: 'db' });
  await late.waitFor();
  await daemon.call('POST', '/networks/late/disconnect', { Container: 'db' });
  await late.waitFor({ state: 'hidden' });
  await daemon.call('DELETE', '/networks/late');
  await box(/^network late, br-/).waitFor({ state: 'hidden' });
  await daemon.call('POST', '/containers/monitor/kill');
  await box(/^container monitor$/).waitFor({ state: 'hidden' });
});

test('a network is made, connected, explained, disconnected and removed by the keyboard', async () => {
  await page.getByRole('button', { name: 'Create a network' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Create a network' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('made');
  await dialog.getByRole('textbox', { name: 'Subnet' }).fill('10.93.1.0/25');
  await page.keyboard.press('Enter');
  // The engine's reason is told, and what was typed stays.
  await page
    .getByRole('alert')
    .getByText(/overlaps/)
    .waitFor();
  await dialog.getByRole('textbox', { name: 'Subnet' }).fill('10.93.3.0/24');
  await dialog.getByRole('checkbox', { name: 'Internal' }).check();
  await seen.picture('network-create');
  await dialog.getByRole('button', { name: 'Create', exact: true }).press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await box(/^network made, br-\w+, 10\.93\.3\.0\/24, internal/).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'made' }).waitFor();
  await page.getByText('None is on it.').waitFor();
  await page.getByRole('button', { name: 'connect a container' }).press('Enter');
  const connect = page.getByRole('dialog', { name: 'Connect a container to made' });
  await connect.getByRole('combobox', { name: 'Container' }).selectOption('db');
  await connect.getByRole('textbox', { name: 'Address' }).fill('10.93.3.77');
  await connect.getByRole('textbox', { name: 'Other names of it' }).fill('database');
  await connect.getByRole('button', { name: 'Connect', exact: true }).press('Enter');
  await row('db').getByText('10.93.3.77').waitFor();
  const { json } = await daemon.call('GET', '/containers/db/json');
  expect(json.NetworkSettings.Networks.made).toMatchObject({
    IPAddress: '10.93.3.77',
    Aliases: expect.arrayContaining(['database']),
  });
  await row('db').getByText(/^veth/).waitFor();
  await seen.picture('network');
  await page.getByRole('link', { name: 'Explain', exact: true }).click();
  await page.getByRole('heading', { name: 'Traffic' }).waitFor();
  await page.getByText('not reached', { exact: true }).waitFor();
  await seen.picture('network-explain');
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByText('0 findings, 7 rules hold.').waitFor();
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page.getByRole('button', { name: 'remove', exact: true }).press('Enter');
  const removal = page.getByRole('dialog', { name: 'Remove network made?' });
  await removal.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await page.getByRole('alert').getByText('active endpoints').waitFor();
  await page.keyboard.press('Escape');
  await removal.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'disconnect db' }).press('Enter');
  await page.getByText('None is on it.').waitFor();
  await page.getByRole('button', { name: 'remove', exact: true }).press('Enter');
  await removal.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Networks' }).waitFor();
  await box(/^network made/).waitFor({ state: 'hidden' });
  // Others' networks are not to be removed here.
  await box(/^network bridge/).click();
  await page.getByRole('heading', { level: 1, name: 'bridge' }).waitFor();
  expect(await page.getByRole('button', { name: 'remove', exact: true }).count()).toBe(0);
});
