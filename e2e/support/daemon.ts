import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, call, raw } from './http.ts';
import { busyboxTar } from './images.ts';
import { type Ran, type RunOptions, runProgram } from './programs.ts';
import { responseProblems } from './responses/check.ts';
import { removeTraces, tableOf } from './traces.ts';
import { patience, until } from './wait.ts';

export type { Answer } from './http.ts';
export type { Ran } from './programs.ts';
export { sleep, until } from './wait.ts';

/** The workspace's top folder. */
export const top = join(import.meta.dirname, '..', '..');

/** The folder of the programs: another build than the workspace's is chosen by BERTH_DIST. */
export const dist = process.env['BERTH_DIST'] ?? join(top, 'dist');

/**
 * CPU time in milliseconds that one request may keep the daemon's event loop from others. Twice of what is wanted (50):
 * the first request of a kind loads its part of the program, and on a crowded processor even CPU time is longer.
 */
const HELD = 100;

export interface DaemonOptions {
  /** A data root elsewhere than in the daemon's folder. */
  data?: string;
  /** Another build of berthd. */
  program?: string;
  environment?: Record<string, string>;
}

/** A berthd of a test's own: own roots, own socket; `dispose` removes all that it made. */
export class TestDaemon {
  readonly folder: string;
  /** The data root. */
  readonly data: string;
  readonly socket: string;
  readonly host: string;
  readonly extra: string[];
  /** The program; variables of its environment besides this process's. */
  readonly program: string;
  readonly environment: Record<string, string>;
  process: ChildProcess | null = null;

  constructor(extra: string[] = [], options: DaemonOptions = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
    this.data = options.data ?? join(this.folder, 'data');
    this.program = options.program ?? join(dist, 'berthd');
    this.environment = options.environment ?? {};
    this.socket = join(this.folder, 'berth.sock');
    this.host = `unix://${this.socket}`;
    this.extra = extra;
  }

  /** Starts a daemon and, once per folder, gives it the image `bb:latest` (busybox). */
  static async start(extra: string[] = [], options: { image?: boolean } = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(extra);
    await daemon.up();
    if (options.image !== false) await daemon.importBusybox();
    return daemon;
  }

  get log(): string {
    return existsSync(join(this.folder, 'log')) ? readFileSync(join(this.folder, 'log'), 'utf8') : '';
  }

  /** Runs berthd, which answers some time later. */
  launch(): ChildProcess {
    const log = openSync(join(this.folder, 'log'), 'a');
    const child = spawn(
      this.program,
      [
        '--data-root',
        this.data,
        '--exec-root',
        join(this.folder, 'exec'),
        '--pidfile',
        join(this.folder, 'pid'),
        '-H',
        this.host,
        ...this.extra,
      ],
      {
        stdio: ['ignore', log, log],
        env: {
          ...process.env,
          // CPU time of an emulated machine is ten to thirty times a real one's: the loop is judged on those.
          BERTH_WATCHDOG_MS: String(patience() > 1 ? 0 : HELD),
          // Programs that run for hours check other things.
          ...(process.env['JEST_WORKER_ID'] !== undefined && {
            NODE_OPTIONS: `--import=${join(import.meta.dirname, 'responses', 'record.mjs')}`,
            BERTH_TEST_RESPONSES: this.responses,
          }),
          ...this.environment,
        },
      },
    );
    closeSync(log);
    this.process = child;
    return child;
  }

  /** Runs berthd until it answers. */
  async up(): Promise<void> {
    const child = this.launch();
    await until(
      'berthd to answer',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`berthd ended with ${child.exitCode}:\n${this.log.slice(-2000)}`);
        return this.call('GET', '/_ping').then(
          (answer) => answer.status === 200,
          () => false,
        );
      },
      30_000,
    );
  }

  /** Ends the daemon (its containers go on) and waits for its end. */
  async down(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
    this.process = null;
  }

  /** Removes all containers and networks, ends the daemon, removes its folder. */
  async dispose(): Promise<void> {
    if (!this.process) await this.up().catch(() => undefined);
    let bridge = '';
    if (this.process) {
      bridge = await this.bridge().catch(() => '');
      const list = (await this.call('GET', '/containers/json?all=1')).json as Array<{ Id: string }>;
      for (const { Id } of list ?? []) await this.call('DELETE', `/containers/${Id}?force=1&v=1`);
      await this.call('POST', '/networks/prune');
      const networks = (await this.call('GET', '/networks')).json as Array<{ Id: string; Name: string }>;
      for (const { Id, Name } of networks ?? [])
        if (!['bridge', 'host', 'none'].includes(Name)) await this.call('DELETE', `/networks/${Id}`);
    }
    await this.down();
    if (bridge) removeTraces(bridge);
    const held = this.held();
    const wrong = responseProblems(this.responses);
    rmSync(this.folder, { recursive: true, force: true });
    if (held.length > 0) throw new Error(`requests held the daemon's event loop:\n${held.join('\n')}`);
    if (wrong.length > 0)
      throw new Error(`responses are not as the API document has them:\n${wrong.join('\n')}`);
  }

  /** The file of this daemon's JSON responses. */
  get responses(): string {
    return join(this.folder, 'responses');
  }

  /** Lines of the watchdog: requests that took more CPU time in one turn of the event loop than any may. */
  held(): string[] {
    return this.log.split('\n').filter((line) => line.includes('held the event loop'));
  }

  /** The link of the default network. */
  async bridge(): Promise<string> {
    const { json } = await this.call('GET', '/networks/bridge');
    return json.Options['com.docker.network.bridge.name'];
  }

  /** The name of this daemon's firewall table (family inet). */
  async table(): Promise<string> {
    const table = tableOf(await this.bridge());
    if (!table) throw new Error('the daemon has no firewall table');
    return table;
  }

  /** One request; the body is sent as JSON, or as it is when it is a Buffer. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return call(this.socket, method, path, body, headers);
  }

  /** As `call`, for a reply of bytes. */
  raw(method: string, path: string): Promise<{ status: number; body: Buffer }> {
    return raw(this.socket, method, path);
  }

  /** Runs the stock `docker` command line against this daemon. */
  docker(args: string[], options: RunOptions = {}): Ran {
    return runProgram(this, 'docker', args, options);
  }

  /** Runs a command of the stock `docker` that is to do well; returns what it printed, without blanks around it. */
  succeeds(...args: string[]): string {
    const { status, stdout, stderr } = this.docker(args);
    if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** Runs our own client against this daemon. */
  berth(args: string[], options: RunOptions = {}): Ran {
    return runProgram(this, join(dist, 'berth'), args, options);
  }

  /** Runs our own client and returns its output without white space at the ends. @throws Error when the client fails */
  output(args: string[], options: RunOptions = {}): string {
    const { status, stdout, stderr } = this.berth(args, options);
    if (status !== 0) throw new Error(`berth ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  async importBusybox(reference = 'bb:latest'): Promise<void> {
    const [repo, tag] = reference.split(':');
    const changes = ['ENV PATH=/bin:/usr/bin:/sbin', 'CMD ["sh"]']
      .map((change) => `&changes=${encodeURIComponent(change)}`)
      .join('');
    const answer = await this.call(
      'POST',
      `/images/create?fromSrc=-&repo=${repo}&tag=${tag}${changes}`,
      busyboxTar(),
    );
    if (answer.status !== 200 || answer.text.includes('"error"'))
      throw new Error(`import: ${answer.status} ${answer.text}`);
  }

  /** Creates and starts a container of the busybox image; returns its id. */
  async box(command: string[], options: Record<string, unknown> = {}, name?: string): Promise<string> {
    const created = await this.call('POST', `/containers/create${name ? `?name=${name}` : ''}`, {
      Image: 'bb',
      Cmd: command,
      ...options,
    });
    if (created.status !== 201) throw new Error(`create: ${created.status} ${created.text}`);
    const id = created.json.Id as string;
    const started = await this.call('POST', `/containers/${id}/start`);
    if (started.status !== 204) throw new Error(`start: ${started.status} ${started.text}`);
    return id;
  }
}
