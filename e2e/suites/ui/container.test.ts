import type { Page } from 'playwright-core';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

const SCRIPT = '<script>document.title="caught"</script><img src=x onerror="document.title=1">';

let daemon: TestDaemon;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start();
  // Five thousand lines a second, each with its number.
  const flood =
    'i=0; while true; do n=0; while [ $n -lt 500 ]; do echo "line $i of a log that does not end"; i=$((i+1)); n=$((n+1)); done; usleep 60000; done';
  await Promise.all([
    daemon.box(
      [
        'sh',
        '-c',
        `echo '${SCRIPT}'; echo first needle; echo wrong needle >&2; printf '\\033[31mred\\033[0m\\n'; exec sleep 1000`,
      ],
      { Labels: { hostile: SCRIPT }, StopSignal: 'SIGKILL', HostConfig: { Privileged: true } },
      'web',
    ),
    daemon.box(['sh', '-c', flood], { StopSignal: 'SIGKILL' }, 'flood'),
    daemon.box(['sh', '-c', 'exit 3'], {}, 'ended'),
    daemon.box(['sh'], { Tty: true, OpenStdin: true }, 'shell'),
  ]);
  seen = await openPage(daemon);
  page = seen.page;
});
afterAll(() => daemon?.dispose());

/** Goes to a container by clicking. */
async function open(name: string, tab = ''): Promise<void> {
  await seen.section('Containers');
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  if (tab) await page.getByRole('link', { name: tab, exact: true }).click();
}

test('what it is and uses; a label that holds a script is text', async () => {
  await open('web');
  await page.getByText(SCRIPT, { exact: true }).waitFor();
  expect(await page.title()).not.toBe('caught');
  expect(await page.locator('#page script, #page img[src="x"]').count()).toBe(0);
  await page.getByRole('img', { name: /^Memory of the last minutes; now: used [\d.]+ [KM]iB$/ }).waitFor();
  await page.getByRole('img', { name: /^CPU .* used [\d.]+ %$/ }).waitFor();
  await seen.picture('container');
});

test('its log is searched; what a program wrote is text', async () => {
  await open('web', 'Logs');
  const log = page.getByRole('log', { name: 'Lines' });
  await log.getByText(SCRIPT).waitFor();
  await log.getByText('red', { exact: true }).waitFor();
  const search = page.getByRole('searchbox', { name: 'Search the log' });
  await search.fill('NEEDLE');
  await page.getByText('2 lines', { exact: true }).waitFor();
  expect(await log.locator('mark').allTextContents()).toEqual(['needle', 'needle']);
  await search.press('Enter');
  await page.getByText('2 of 2 lines').waitFor();
  await page.getByRole('button', { name: 'Match before' }).click();
  await page.getByText('1 of 2 lines').waitFor();
  await page.getByRole('checkbox', { name: 'These lines only' }).check();
  await log.getByText(SCRIPT).waitFor({ state: 'hidden' });
  await page.getByRole('checkbox', { name: 'Times' }).check();
  await log
    .getByText(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/)
    .first()
    .waitFor();
});

test('a log of five thousand lines a second neither grows nor stalls the page', async () => {
  const heap = await seen.heap();
  await open('flood', 'Logs');
  const log = page.getByRole('log', { name: 'Lines' });
  const newest = async (): Promise<number> =>
    Number(/line (\d+)/.exec((await log.locator('.line').last().textContent()) ?? '')?.[1] ?? 0);
  await log
    .getByText(/^line \d+/)
    .first()
    .waitFor();
  await page.evaluate(FRAMES);
  const [before, elements] = [await newest(), await page.locator('*').count()];
  const began = Date.now();
  await sleep(3000);
  const [after, seconds] = [await newest(), (Date.now() - began) / 1000];
  // A crowded machine writes fewer of them; the page shows the newest of what is written.
  expect((after - before) / seconds).toBeGreaterThan(2500);
  expect(await page.locator('*').count()).toBeLessThan(elements + 50);
  // The longest time in which the page drew nothing and answered nobody.
  expect(await page.evaluate<number>('globalThis.longestFrame')).toBeLessThan(500);
  const written = () => Number(/line (\d+)/.exec(daemon.docker(['logs', '--tail', '1', 'flood']).stdout)![1]);
  await until('the page to show what was written within the last second', async () => {
    const last = written();
    return last - (await newest()) < 5000;
  });
  await seen.picture('logs-flood');
  // Without following, the lines in sight stay where they are.
  await page.getByRole('checkbox', { name: 'Follow' }).uncheck();
  const read = await log.locator('.line').first().textContent();
  await sleep(500);
  expect(await log.locator('.line').first().textContent()).toBe(read);
  await page.getByRole('button', { name: 'stop flood' }).click();
  await page.getByText('The log ended').waitFor();
  const lines = await newest();
  // Text of each line that is kept, and what finds it.
  expect(((await seen.heap()) - heap) / lines).toBeLessThan(700);
});

test('a terminal runs a shell, another program, and joins the own one of the container', async () => {
  await open('web', 'Terminal');
  const rows = page.locator('.xterm-rows');
  await rows.getByText('#').first().waitFor();
  await page.keyboard.type('echo $((6*7)); stty size; tty\n');
  await rows.getByText('42', { exact: true }).waitFor();
  await rows.getByText('/dev/pts/0').waitFor();
  await seen.picture('terminal');
  await page.keyboard.type('exit 4\n');
  await page.getByText('The program ended with 4.').waitFor();
  await page.getByRole('textbox', { name: 'Program' }).fill('cat');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('button', { name: 'Start anew' }).waitFor();
  await page.locator('.xterm-helper-textarea:focus').waitFor({ state: 'attached' });
  await page.keyboard.type('twice\n');
  await rows.getByText('twice', { exact: true }).nth(1).waitFor();
  await open('shell', 'Terminal');
  await page.getByRole('button', { name: "The container's own" }).click();
  await page.locator('.xterm-helper-textarea:focus').waitFor({ state: 'attached' });
  await page.keyboard.type('echo I am $$\n');
  await rows.getByText('I am 1', { exact: true }).waitFor();
});

test('it is explained and audited', async () => {
  await open('web', 'Explain');
  await page.getByRole('heading', { name: 'Processes, as numbered inside and by the host' }).waitFor();
  await page.getByRole('list', { name: 'The way of its packets' }).getByText('world').waitFor();
  await seen.picture('explain');
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByText('privileged', { exact: false }).first().waitFor();
  await page.getByText('high', { exact: true }).first().waitFor();
  await seen.picture('audit');
  await page.getByRole('link', { name: 'Inspect', exact: true }).click();
  await page.getByText('"Privileged": true').waitFor();
  await open('ended', 'Why');
  await page.getByRole('heading', { name: 'Why did it end?' }).waitFor();
  await page
    .getByText(/exit.* 3\b/)
    .first()
    .waitFor();
});

/** Keeps the longest time between two frames. */
const FRAMES = `(() => {
  let before = performance.now();
  globalThis.longestFrame = 0;
  const frame = (now) => {
    globalThis.longestFrame = Math.max(globalThis.longestFrame, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})()`;
