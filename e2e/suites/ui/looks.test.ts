import type { Browser } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { Seen, startBrowser, UiProgram } from '../../support/page.ts';

let daemon: TestDaemon;
let program: UiProgram;
let browser: Browser;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.box(
    ['sleep', '1000'],
    { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '' }] }, Binds: ['data:/data'] } },
    'web',
  );
  await daemon.call('POST', '/containers/create?name=idle', { Image: 'bb', Cmd: ['true'] });
  [program, browser] = await Promise.all([UiProgram.start(daemon), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await program?.stop();
  await daemon?.dispose();
});

/** Every view, by its address. */
const VIEWS: Array<[name: string, hash: string]> = [
  ['containers', '#/containers'],
  ['container', '#/containers/web'],
  ['container-logs', '#/containers/web/logs'],
  ['container-explain', '#/containers/web/explain'],
  ['container-why', '#/containers/web/why'],
  ['container-audit', '#/containers/web/audit'],
  ['missing', '#/networks/nosuch'],
  ['images', '#/images'],
  ['image', '#/images/bb%3Alatest'],
  ['image-layers', '#/images/bb%3Alatest/layers'],
  ['run', '#/run/bb%3Alatest'],
  ['volumes', '#/volumes'],
  ['volume', '#/volumes/data'],
  ['networks', '#/networks'],
  ['network', '#/networks/bridge'],
  ['network-explain', '#/networks/bridge/explain'],
  ['events', '#/events'],
  ['host', '#/host'],
  ['host-disk', '#/host/disk'],
  ['host-audit', '#/host/audit'],
];

test.each([
  ['light', 1280],
  ['dark', 360],
] as const)(
  'every view is accessible, in %s, at %i pixels, and not wider than that',
  async (colorScheme, width) => {
    const seen = await Seen.open(browser, await another(), { colorScheme, viewport: { width, height: 800 } });
    // Graphs are drawn in colours that a script reads.
    const accent = await seen.page.evaluate(
      "getComputedStyle(document.documentElement).getPropertyValue('--accent')",
    );
    expect(accent).toBe(colorScheme === 'dark' ? 'rgb(88, 166, 255)' : 'rgb(9, 105, 218)');
    for (const [name, hash] of VIEWS) {
      await seen.page.goto(`${program.origin}/${hash}`);
      await seen.page.getByRole('heading', { level: 1 }).waitFor();
      await seen.page.waitForTimeout(300);
      await seen.page.getByText('Asking the engine…').waitFor({ state: 'hidden' });
      await seen.picture(`${name}-${colorScheme}-${width}`);
      expect([name, await seen.violations()]).toEqual([name, []]);
      const wide = await seen.page.evaluate('document.documentElement.scrollWidth');
      expect([name, wide]).toEqual([name, width]);
    }
    expect(seen.errors).toEqual([]);
    expect(seen.strangers).toEqual([]);
    await seen.close();
  },
);

/** A token opens one session: each look has a program of its own. */
async function another(): Promise<UiProgram> {
  await program.stop();
  program = await UiProgram.start(daemon);
  return program;
}
