import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { dist, type TestDaemon, top } from './daemon.ts';

/** The folder for pictures of the page. */
const PICTURES = join(top, 'dist/ui-pictures');

/** A browser, which starts once for a suite. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });

/** `berth ui` for a daemon. */
export class UiProgram {
  /** The address that opens a session. */
  readonly address: string;
  private readonly child: ChildProcess;

  private constructor(address: string, child: ChildProcess) {
    this.address = address;
    this.child = child;
  }

  get origin(): string {
    return new URL(this.address).origin;
  }

  static async start(daemon: Pick<TestDaemon, 'host' | 'folder'>): Promise<UiProgram> {
    const child = spawn(join(dist, 'berth'), ['ui', '--no-open'], {
      env: {
        ...process.env,
        BERTH_HOST: daemon.host,
        HOME: daemon.folder,
        DOCKER_CONFIG: join(daemon.folder, 'config'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (text: Buffer) => {
      said += text;
    });
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout!.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.once('exit', (code) => reject(new Error(`berth ui ended with ${code}: ${said}`)));
    });
    return new UiProgram(address, child);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    return ended;
  }
}

/** A page of a session, and all that it should not do. */
export class Seen {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requests to anywhere else than `berth ui`. */
  readonly strangers: string[] = [];
  /** Requests that the engine refused, which a browser tells on its console. */
  readonly refused: string[] = [];
  /** Errors of scripts, and what the content security policy refused. */
  readonly errors: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
  }

  static async open(
    browser: Browser,
    program: UiProgram,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<Seen> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const seen = new Seen(context, page);
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== program.origin) seen.strangers.push(request.url());
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(program.origin).host) seen.strangers.push(socket.url());
    });
    page.on('pageerror', (error) => seen.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const ofEngine = message.location().url.startsWith(`${program.origin}/api/`);
      (ofEngine ? seen.refused : seen.errors).push(message.text());
    });
    await page.goto(program.address);
    await page.getByRole('heading', { level: 1 }).waitFor();
    return seen;
  }

  /** Goes to a section by its link; it is shown then: a view before it may have buttons of the same names. */
  async section(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).click();
    await this.page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  }

  /** Bytes that the page's scripts hold, after what is unused has been collected. */
  async heap(): Promise<number> {
    const session = await this.context.newCDPSession(this.page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize;
  }

  /** Keeps a picture of the page. */
  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  /** The faults that axe finds in the page as it is, in words. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(AXE);
    return this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: {
          run(): Promise<{
            violations: Array<{ id: string; nodes: Array<{ html: string; failureSummary: string }> }>;
          }>;
        };
      };
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
      );
    });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/**
 * The page of a suite, to be opened for a daemon. After each test it has asked no stranger and met no error; it ends, its
 * browser and program too, before what an `afterAll` below ends.
 */
export function suitePage(): (daemon: Pick<TestDaemon, 'host' | 'folder'>) => Promise<Seen> {
  let program: UiProgram;
  let browser: Browser;
  let seen: Seen;
  afterAll(async () => {
    await browser?.close();
    await program?.stop();
  });
  afterEach(() => {
    expect(seen.strangers).toEqual([]);
    expect(seen.errors).toEqual([]);
  });
  return async (daemon) => {
    [program, browser] = await Promise.all([UiProgram.start(daemon), startBrowser()]);
    seen = await Seen.open(browser, program);
    return seen;
  };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
