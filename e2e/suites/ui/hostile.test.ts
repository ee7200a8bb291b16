import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { Seen, startBrowser, UiProgram } from '../../support/page.ts';

const SCRIPT = '<img src=x onerror="document.title=\'caught\'"><script>document.title="caught"</script>';
/** Turned text, controls, colours of a terminal, a title of it, and a link. */
const ACTING = `${SCRIPT} gnp\u202eexe.\u2066 \u0007\u001b[31mred\u001b]0;title\u0007\u001b]8;;http://evil.example\u0007here`;
const BIDI = /[\u202a-\u202e\u2066-\u2069\u0007\u001b]/;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
});

test('whatever names, labels, variables, logs and events hold is text, and shown in a moment', async () => {
  const daemon = await TestDaemon.start();
  try {
    const Labels = { [ACTING]: ACTING, wide: 'w'.repeat(1_000_000) };
    await daemon.box(
      ['sh', '-c', `printf '%s\\n' "$EVIL"; printf '%s\\n' "$EVIL" >&2; exec sleep 1000`],
      { Labels, Env: [`EVIL=${ACTING}`], StopSignal: 'SIGKILL' },
      'evil',
    );
    await daemon.call('POST', '/networks/create', { Name: 'net', Labels: { [ACTING]: ACTING } });
    await daemon.call('POST', '/networks/create', { Name: ACTING });
    await daemon.call('POST', '/networks/create', { Name: SCRIPT.replaceAll('/', '') });
    await daemon.call('POST', '/volumes/create', { Name: 'vol', Labels: { [ACTING]: ACTING } });
    const program = await UiProgram.start(daemon);
    const seen = await Seen.open(browser, program);
    const { page } = seen;
    page.setDefaultTimeout(10_000);
    const views = [
      '#/containers',
      '#/containers/evil',
      '#/containers/evil/logs',
      '#/containers/evil/explain',
      '#/containers/evil/audit',
      '#/containers/evil/inspect',
      '#/networks',
      '#/networks/net',
      '#/networks/net/inspect',
      '#/volumes/vol',
      '#/events',
      `#/networks/${encodeURIComponent(ACTING)}`,
      `#/${encodeURIComponent(ACTING)}/%`,
    ];
    for (const view of views) {
      const began = Date.now();
      await page.goto(`${program.origin}/${view}`);
      await page.locator('main :is(h1, .lines)').first().waitFor();
      await page.waitForTimeout(150);
      const shown = (await page.locator('#page').textContent())!;
      expect([view, Date.now() - began < 4000]).toEqual([view, true]);
      expect([view, BIDI.exec(shown)?.index]).toEqual([view, undefined]);
      expect([view, shown.length < 500_000]).toEqual([view, true]);
      expect(await page.title()).not.toContain('caught');
      expect(await page.title()).not.toMatch(BIDI);
      expect(await page.locator('#page script, #page img[src="x"]').count()).toBe(0);
    }
    expect(seen.errors).toEqual([]);
    expect(seen.strangers).toEqual([]);
    await seen.close();
    await program.stop();
  } finally {
    await daemon.dispose();
  }
});

test('an engine that answers nonsense leaves the page in order, and the page says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ui-nonsense-'));
  const path = join(folder, 'socket');
  const engine: Server = createServer((request, response) => {
    response.setHeader('Api-Version', '1.52');
    const { pathname } = new URL(request.url!, 'http://engine');
    if (pathname.endsWith('/_ping')) return response.end('OK');
    response.setHeader('Content-Type', 'text/html');
    if (pathname.endsWith('/events'))
      return response.write(
        `nonsense\n5\nnull\n{"Type":5,"Action":{},"Actor":7,"timeNano":"x"}\n${SCRIPT}\n`,
      );
    if (pathname.endsWith('/containers/json')) return response.end('{"not": "a list"}');
    if (pathname.endsWith('/networks')) return response.end(SCRIPT);
    return response.writeHead(500).end(SCRIPT);
  });
  await new Promise<void>((resolve) => engine.listen(path, resolve));
  try {
    const program = await UiProgram.start({ host: `unix://${path}`, folder });
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(program.address);
    await page.getByRole('alert').getByText('This is not up to date').waitFor();
    await page.getByRole('link', { name: 'Networks', exact: true }).click();
    await page.getByText('Asking the engine…').waitFor();
    await page.getByRole('link', { name: 'Host', exact: true }).click();
    await page.getByText(SCRIPT).waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await page.getByText(/^5 {2}\[object Object\]/).waitFor();
    expect(await page.title()).not.toBe('caught');
    expect(errors).toEqual([]);
    await context.close();
    expect(await program.stop()).toBe(0);
  } finally {
    engine.closeAllConnections();
    engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
