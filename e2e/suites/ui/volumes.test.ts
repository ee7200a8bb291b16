import type { Page } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

const SCRIPT = '<script>document.title=1</script>';

let daemon: TestDaemon;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start();
  await Promise.all([
    daemon.call('POST', '/volumes/create', { Name: 'labelled', Labels: { hostile: SCRIPT } }),
    daemon.box(
      ['sh', '-c', 'dd if=/dev/zero of=/data/file bs=1k count=1024; exec sleep 1000'],
      { StopSignal: 'SIGKILL', HostConfig: { Binds: ['data:/data'] } },
      'writer',
    ),
  ]);
  seen = await openPage(daemon);
  page = seen.page;
});
afterAll(() => daemon?.dispose());

const list = () => seen.section('Volumes');
const row = (name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
const dialog = (name: string) => page.getByRole('dialog', { name });

test('volumes are listed with their sizes and users, and each is shown', async () => {
  await list();
  await row('data').getByText('1.05 MB').waitFor();
  await row('data').getByRole('link', { name: 'writer' }).waitFor();
  await page.getByRole('link', { name: 'labelled' }).click();
  await page.getByText(SCRIPT, { exact: true }).waitFor();
  await page.getByText('no container').waitFor();
  await list();
  await page.getByRole('link', { name: 'data', exact: true }).click();
  await page.getByRole('heading', { name: 'Where it is mounted' }).waitFor();
  await page.getByText('/data', { exact: true }).waitFor();
  await page.getByText('1.05 MB').waitFor();
  daemon.docker(['exec', 'writer', 'dd', 'if=/dev/zero', 'of=/data/more', 'bs=1k', 'count=1024']);
  await page.getByRole('button', { name: 'Measure again' }).click();
  await page.getByText('2.10 MB').waitFor();
  await page.getByRole('link', { name: 'Inspect', exact: true }).click();
  await page.getByText('"Mountpoint"').waitFor();
});

test('a dialog gives the focus back as it closes, and does not take it later', async () => {
  await list();
  const remove = page.getByRole('button', { name: 'remove data' });
  const focused = () => page.evaluate('document.activeElement.getAttribute("aria-label")');
  await remove.press('Enter');
  await dialog('Remove data?').getByRole('button', { name: 'Cancel' }).press('Enter');
  await dialog('Remove data?').waitFor({ state: 'detached' });
  expect(await focused()).toBe('remove data');
  await remove.press('Enter');
  await dialog('Remove data?').waitFor();
  // As one goes on who is quick.
  await page.evaluate(
    `document.querySelector('dialog').close(); document.querySelector('[aria-label="clone data"]').focus()`,
  );
  await dialog('Remove data?').waitFor({ state: 'detached' });
  await page.waitForTimeout(200);
  expect(await focused()).toBe('clone data');
});

test('the focus follows to a view before it is painted, and is not taken from a button later', async () => {
  await list();
  await page.getByRole('link', { name: 'data', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'data' }).waitFor();
  // The button is gone to in the very turn in which the view comes.
  const focused = await page.evaluate(`new Promise((resolve) => {
    new MutationObserver((_changes, observer) => {
      const button = document.querySelector('table [aria-label="clone data"]');
      if (!button) return;
      observer.disconnect();
      button.focus();
      setTimeout(() => resolve(document.activeElement.getAttribute('aria-label')), 300);
    }).observe(document.querySelector('main'), { childList: true, subtree: true });
    location.hash = '#/volumes';
  })`);
  expect(focused).toBe('clone data');
});

test('a dialog that is closed while it works takes no other one with it, leads nowhere, and its failure is told', async () => {
  await list();
  let release: (answer: 'goes on' | 'fails') => void = () => undefined;
  const create = '**/api/volumes/create';
  await page.route(create, async (route) => {
    const answer = await new Promise<string>((resolve) => {
      release = resolve;
    });
    if (answer === 'goes on') await route.continue();
    else await route.fulfill({ status: 500, json: { message: 'the disk is full' } });
  });
  for (const answer of ['goes on', 'fails'] as const) {
    await page.getByRole('button', { name: 'Create' }).press('Enter');
    await dialog('Create a volume').getByRole('textbox', { name: 'Name' }).fill('late');
    const asked = page.waitForRequest(create);
    await page.keyboard.press('Enter');
    await asked;
    await page.keyboard.press('Escape');
    await dialog('Create a volume').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'clone data' }).press('Enter');
    await dialog('Clone data').waitFor();
    release(answer);
    await page
      .getByRole('log', { name: 'Notices' })
      .getByText(answer === 'fails' ? 'the disk is full' : 'late created')
      .waitFor();
    await page.waitForTimeout(100);
    expect(await dialog('Clone data').isVisible()).toBe(true);
    expect(new URL(page.url()).hash).toBe('#/volumes');
    await page.keyboard.press('Escape');
  }
  await page.unroute(create);
  await daemon.call('DELETE', '/volumes/late');
  await page.getByRole('button', { name: 'Close notice' }).first().click();
});

test('volumes are created, cloned, kept as snapshots, removed and pruned', async () => {
  await list();
  await page.getByRole('button', { name: 'Create' }).press('Enter');
  const create = dialog('Create a volume');
  await create.getByRole('textbox', { name: 'Name' }).fill('no/slash');
  await page.keyboard.press('Enter');
  await create.getByRole('alert').getByText('only', { exact: false }).waitFor();
  expect(await seen.violations()).toEqual([]);
  await seen.picture('volume-create');
  await create.getByRole('textbox', { name: 'Name' }).fill('made');
  await create.getByRole('textbox', { name: 'Labels' }).fill('team=web');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'made' }).waitFor();
  await page.getByText('team', { exact: true }).waitFor();
  await list();
  // A row that comes while a key goes to another's button would take the focus from it.
  await row('made').waitFor();
  await page.getByRole('button', { name: 'clone data' }).press('Enter');
  await dialog('Clone data').getByRole('textbox', { name: 'Name' }).fill('made');
  await page.keyboard.press('Enter');
  await dialog('Clone data').getByRole('alert').waitFor();
  await dialog('Clone data').getByRole('textbox', { name: 'Name' }).fill('copy');
  await page.keyboard.press('Enter');
  await row('copy').getByText('2.10 MB').waitFor();
  await page.getByRole('button', { name: 'snapshot data' }).press('Enter');
  await dialog('Take a snapshot of data').getByRole('textbox', { name: 'Name' }).fill('kept');
  await page.keyboard.press('Enter');
  await row('kept').waitFor();
  await page.getByRole('button', { name: 'remove data' }).press('Enter');
  await dialog('Remove data?').getByRole('button', { name: 'Remove' }).press('Enter');
  await dialog('Remove data?').getByText('volume is in use', { exact: false }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'remove copy' }).press('Enter');
  await dialog('Remove copy?').getByRole('button', { name: 'Remove' }).press('Enter');
  await row('copy').waitFor({ state: 'hidden' });
  await daemon.call('DELETE', '/volumes/made');
  await row('made').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Prune' }).press('Enter');
  await dialog('Remove unused volumes?').getByRole('checkbox').check();
  await dialog('Remove unused volumes?').getByRole('button', { name: 'Prune' }).press('Enter');
  await page.getByText(/^2 volumes removed, [\d.]+ MB reclaimed$/).waitFor();
  const { json } = await daemon.call('GET', '/volumes');
  expect(json.Volumes.map(({ Name }: { Name: string }) => Name)).toEqual(['data']);
});

test('of a long list a part is drawn; a button shows the rest and leaves the focus where it goes on', async () => {
  const names = Array.from({ length: 510 }, (_, index) => `many-${1000 + index}`);
  for (const part of [names.slice(0, 255), names.slice(255)])
    await Promise.all(part.map((Name) => daemon.call('POST', '/volumes/create', { Name })));
  await list();
  // One more volume and the head of the table.
  const rows = page.getByRole('table', { name: 'Volumes' }).getByRole('row');
  const more = page.getByRole('button', { name: /^Show \d+ more$/ });
  await page.getByText('250 of 511 are shown').waitFor();
  expect(await rows.count()).toBe(251);
  expect(await more.textContent()).toBe('Show 250 more');
  await more.press('Enter');
  await page.getByText('500 of 511 are shown').waitFor();
  expect(await rows.count()).toBe(501);
  expect(await more.textContent()).toBe('Show 11 more');
  expect(await more.evaluate('document.activeElement.textContent')).toBe('Show 11 more');
  await more.press('Enter');
  await more.waitFor({ state: 'hidden' });
  expect(await rows.count()).toBe(512);
  // The button is gone: a key goes on at the first of the rows that came.
  expect(await page.evaluate('document.activeElement.closest("tr")?.rowIndex')).toBe(501);
  await page.getByRole('searchbox', { name: 'Find a volume' }).fill('many-1509');
  await page.getByText('1 of 511').waitFor();
  expect(await rows.count()).toBe(2);
  for (const part of [names.slice(0, 255), names.slice(255)])
    await Promise.all(part.map((name) => daemon.call('DELETE', `/volumes/${name}`)));
});
