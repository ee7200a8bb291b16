import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

const SCRIPT = '<img src=x onerror="document.title=\'caught\'"><script>document.title="caught"</script>';
const MANY = 200;

let daemon: TestDaemon;
let seen: Seen;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.box(['sleep', '1000'], { Labels: { hostile: SCRIPT }, StopSignal: 'SIGKILL' }, 'web');
  seen = await openPage(daemon);
});
afterAll(async () => {
  await removeAll();
  await daemon?.dispose();
});

async function removeAll(): Promise<void> {
  const { json } = await daemon.call('GET', '/containers/json?all=1');
  await Promise.all(
    (json as Array<{ Id: string }>).map(({ Id }) => daemon.call('DELETE', `/containers/${Id}?force=1`)),
  );
}

/** The row of a container in the list. */
const row = (name: string) =>
  seen.page.getByRole('row').filter({ has: seen.page.getByRole('link', { name }) });

test('containers are stopped, started, restarted and removed by the keyboard; what others do is seen', async () => {
  const { page } = seen;
  await row('web').getByText('running', { exact: true }).waitFor();
  await row('web')
    .getByText(/[\d.]+ %/)
    .waitFor();
  await page.getByRole('button', { name: 'restart web' }).press('Enter');
  await page.getByText('web restarted').waitFor();
  await page.getByRole('button', { name: 'stop web' }).press('Enter');
  await row('web').getByText('exited', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'start web' }).press('Enter');
  await row('web').getByText('running', { exact: true }).waitFor();
  await daemon.box(['sleep', '1000'], {}, 'other');
  await row('other').getByText('running', { exact: true }).waitFor();
  await daemon.call('POST', '/containers/other/rename?name=renamed');
  await page.getByRole('button', { name: 'remove renamed' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Remove renamed?' });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'remove renamed' }).press('Enter');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await row('renamed').waitFor({ state: 'hidden' });
  expect((await daemon.call('GET', '/containers/renamed/json')).status).toBe(404);
});

test('two hundred containers are painted in a second, found by a word, and followed', async () => {
  const { page } = seen;
  await Promise.all(
    Array.from({ length: MANY }, (_, index) =>
      daemon.call('POST', `/containers/create?name=one-of-many-${index}`, { Image: 'bb', Cmd: ['true'] }),
    ),
  );
  await page.getByText(`${MANY + 1} of ${MANY + 1}`).waitFor();
  const began = Date.now();
  await page.reload();
  await row('one-of-many-199').waitFor();
  const waited = Date.now() - began;
  const painted = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  );
  expect(painted).toBeGreaterThan(0);
  expect(painted).toBeLessThan(1000);
  // The rows themselves; a crowded machine has some time more.
  expect(waited).toBeLessThan(3000);
  await seen.picture('containers-many');
  await page.getByRole('searchbox', { name: 'Find a container' }).fill('hostile=<img');
  await page.getByText(`1 of ${MANY + 1}`).waitFor();
  await page.getByRole('searchbox', { name: 'Find a container' }).fill('');
});
