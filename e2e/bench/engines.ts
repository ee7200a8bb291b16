import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { top, until } from '../support/daemon.ts';
import { encoded } from '../support/http.ts';
import { busyboxTar } from '../support/images.ts';

/** An engine under measurement, reached through one keep-alive connection. */
export class Engine {
  readonly name: 'berth' | 'docker';
  readonly folder: string;
  readonly socket: string;
  readonly host: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  process!: ChildProcess;
  /** Milliseconds from the daemon's start to its first answer. */
  startMs = 0;

  constructor(name: 'berth' | 'docker') {
    this.name = name;
    this.folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
    this.socket = join(this.folder, 'engine.sock');
    this.host = `unix://${this.socket}`;
  }

  /** The command line client that belongs to the engine. */
  get client(): string {
    return this.name === 'berth' ? join(top, 'dist/berth') : 'docker';
  }

  async start(): Promise<this> {
    const log = openSync(join(this.folder, 'log'), 'a');
    const command = this.name === 'berth' ? join(top, 'dist/berthd') : 'dockerd';
    const began = performance.now();
    this.process = spawn(
      command,
      [
        '--data-root',
        join(this.folder, 'data'),
        '--exec-root',
        join(this.folder, 'exec'),
        '--pidfile',
        join(this.folder, 'pid'),
        '-H',
        this.host,
      ],
      {
        stdio: ['ignore', log, log],
        env: { ...process.env, DOCKER_RAMDISK: '1' },
      },
    );
    await until(
      `${command} to answer`,
      () =>
        this.call('GET', '/_ping').then(
          (answer) => answer.status === 200,
          () => false,
        ),
      60_000,
    );
    this.startMs = performance.now() - began;
    return this;
  }

  async importBusybox(): Promise<void> {
    const changes = ['ENV PATH=/bin:/usr/bin:/sbin', 'CMD ["sh"]']
      .map((change) => `&changes=${encodeURIComponent(change)}`)
      .join('');
    const answer = await this.call(
      'POST',
      `/images/create?fromSrc=-&repo=busybox&tag=latest${changes}`,
      busyboxTar(),
    );
    if (answer.status !== 200) throw new Error(`${this.name}: import: ${answer.text}`);
  }

  call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const sent = encoded(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.socket,
          method,
          path,
          agent: this.agent,
          headers: sent.headers,
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
          );
        },
      );
      request.on('error', reject);
      request.end(sent.bytes);
    });
  }

  /** A call that must succeed; its JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: replies of two engines
  async must(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.call(method, path, body);
    if (answer.status >= 400)
      throw new Error(`${this.name}: ${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? undefined : JSON.parse(answer.text.split('\n')[0]!);
  }

  /** Runs the engine's own client; throws when it fails. */
  cli(args: string[], options: { input?: Buffer; quiet?: boolean } = {}): string {
    const result = spawnSync(this.client, args, {
      encoding: 'utf8',
      input: options.input ?? '',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        DOCKER_HOST: this.host,
        BERTH_HOST: this.host,
        DOCKER_CLI_HINTS: 'false',
        DOCKER_CONFIG: this.folder,
      },
    });
    if (result.status !== 0) throw new Error(`${this.name} ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  /** Starts a container; its id. */
  async run(body: Record<string, unknown>, name = ''): Promise<string> {
    const { Id } = await this.must('POST', `/containers/create${name ? `?name=${name}` : ''}`, {
      Image: 'busybox',
      ...body,
    });
    await this.must('POST', `/containers/${Id}/start`);
    return Id;
  }

  async remove(id: string): Promise<void> {
    await this.must('DELETE', `/containers/${id}?force=1`);
  }

  /** Bytes of resident memory of the daemon and, for dockerd, its containerd. */
  residentBytes(): number {
    return this.daemonPids().reduce((sum, pid) => sum + rss(pid), 0);
  }

  daemonPids(): number[] {
    const own = this.process.pid!;
    const children = readFileSync(`/proc/${own}/task/${own}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
    return [own, ...children];
  }

  /** Ends the daemon alone, its containers go on, and starts it again. */
  async restart(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    await this.start();
  }

  async stop(): Promise<void> {
    const list = await this.must('GET', '/containers/json?all=1');
    for (const { Id } of list) await this.call('DELETE', `/containers/${Id}?force=1&v=1`);
    await this.call('POST', '/networks/prune');
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    this.agent.destroy();
    // dockerd leaves its root mounted on itself.
    spawnSync('umount', ['-l', join(this.folder, 'data')], { stdio: 'ignore' });
    mkdirSync(this.folder, { recursive: true });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function rss(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m);
  return Number(line?.[1] ?? 0) * 1024;
}

/** The proportional share of memory that a process takes (PSS). */
export function pss(pid: number): number {
  const line = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB/m);
  return Number(line?.[1] ?? 0) * 1024;
}
