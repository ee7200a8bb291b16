import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sleep, top, until } from '../support/daemon.ts';
import { bodyOf, encoded } from '../support/http.ts';
import { busyboxTar } from '../support/images.ts';
import { OWN_HOST, OWN_NAMESPACES } from '../support/own-host.ts';

/** The address of each engine's registry, in the network namespace of that engine alone. */
export const REGISTRY = '127.0.0.1:5055';

/** The address of each engine's host, in its network namespace alone. */
const ADDRESS = '10.201.7.2';

/** A host of the engine's own, with a name server that refuses at once; then the registry and the engine run. */
const HOST = `${OWN_HOST}
echo nameserver $ADDRESS > "$FOLDER/resolv.conf" && mount --bind "$FOLDER/resolv.conf" /etc/resolv.conf
docker-registry serve "$FOLDER/registry.yml" >"$FOLDER/registry.log" 2>&1 &
"$@" &
wait`;

/** One answer: what stands in it, and what of its body came in time. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Call {
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** For this long the answer is read; then the connection is closed. */
  ms?: number;
}

/** A script for bash beside an engine. */
export interface Script {
  text: string;
  /** After so many milliseconds it is killed. */
  ms: number;
  /** The path of the client that it finds as `docker`. */
  docker: string;
  env?: Record<string, string>;
}

/** An engine in network, mount and process namespaces of its own. */
export class Lab {
  readonly name: 'docker' | 'berth';
  readonly folder: string;
  readonly socket: string;
  readonly #program: string;
  #process!: ChildProcess;

  constructor(name: 'docker' | 'berth', program: string) {
    this.name = name;
    this.folder = mkdtempSync(join(tmpdir(), `lab-${name}-`));
    this.socket = join(this.folder, 'engine.sock');
    this.#program = program;
  }

  /** Starts the engine and gives it the image bb:latest, whose bytes are the same in each. */
  async start(): Promise<this> {
    writeFileSync(
      join(this.folder, 'registry.yml'),
      JSON.stringify({
        version: 0.1,
        log: { level: 'error' },
        storage: { filesystem: { rootdirectory: join(this.folder, 'registry') }, delete: { enabled: true } },
        http: { addr: REGISTRY },
      }),
    );
    const folder = dirname(this.#program);
    // A dockerd from elsewhere has its proxy beside it.
    const proxy = join(folder, 'docker-proxy');
    const engine = [
      this.#program,
      ...['--data-root', join(this.folder, 'data'), '--exec-root', join(this.folder, 'exec')],
      ...['--pidfile', join(this.folder, 'pid'), '-H', `unix://${this.socket}`],
      ...['--insecure-registry', REGISTRY],
      ...(this.name === 'docker' && existsSync(proxy) ? ['--userland-proxy-path', proxy] : []),
    ];
    const log = openSync(join(this.folder, 'log'), 'a');
    this.#process = spawn('unshare', [...OWN_NAMESPACES, 'bash', '-c', HOST, 'lab', ...engine], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        PATH: `${process.env['PATH']}:${folder}`,
        FOLDER: this.folder,
        ADDRESS,
        // dockerd then takes a root that no pivot leaves.
        DOCKER_RAMDISK: '1',
      },
    });
    await until(
      `${this.#program} to answer (${join(this.folder, 'log')})`,
      () =>
        this.call({ method: 'GET', path: '/_ping' }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      60_000,
    );
    const changes = ['ENV PATH=/bin:/usr/bin:/sbin', 'CMD ["sh"]']
      .map((change) => `&changes=${encodeURIComponent(change)}`)
      .join('');
    const { status, body } = await this.call({
      method: 'POST',
      path: `/images/create?fromSrc=-&repo=bb&tag=latest${changes}`,
      body: busyboxTar(),
    });
    if (status !== 200) throw new Error(`${this.name}: import: ${body}`);
    return this;
  }

  /** The engine's own version, and the minor numbers of the oldest and the newest version of the API that it speaks. */
  async versions(): Promise<{ engine: string; least: number; most: number }> {
    const { body } = await this.call({ method: 'GET', path: '/version' });
    const { Version: engine, ApiVersion, MinAPIVersion } = JSON.parse(String(body));
    return { engine, least: Number(MinAPIVersion.split('.')[1]), most: Number(ApiVersion.split('.')[1]) };
  }

  /** One request on a connection of its own; whatever comes, also after an upgrade, is the body. */
  call({ method, path, body, headers = {}, ms = 20_000 }: Call): Promise<Answer> {
    const sent = typeof body === 'string' ? bodyOf(Buffer.from(body), 'application/json') : encoded(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.socket,
        method,
        path,
        agent: false,
        headers: { ...sent.headers, ...headers },
      });
      const parts: Buffer[] = [];
      let answer: { status: number; headers: Record<string, string> } | undefined;
      const end = () => {
        clearTimeout(timer);
        request.destroy();
        if (answer) resolve({ ...answer, body: Buffer.concat(parts) });
        else reject(new Error(`${this.name}: no answer to ${method} ${path}`));
      };
      const timer = setTimeout(end, ms);
      request.on('response', (response) => {
        answer = { status: response.statusCode ?? 0, headers: response.headers as Record<string, string> };
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', end);
        response.on('error', end);
      });
      request.on('upgrade', (response, socket, head) => {
        answer = { status: response.statusCode ?? 0, headers: response.headers as Record<string, string> };
        parts.push(head);
        socket.on('data', (part: Buffer) => parts.push(part));
        socket.on('end', end);
        socket.on('error', end);
      });
      request.on('error', (error) => {
        if (answer) return end();
        clearTimeout(timer);
        reject(error);
      });
      request.end(sent.bytes);
    });
  }

  /** Runs a script by bash in the engine's namespaces, in an empty folder; what it wrote and its exit code. */
  script({ text, ms, docker, env = {} }: Script): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'lab-script-'));
    const config = join(this.folder, 'config');
    mkdirSync(config, { recursive: true });
    const programs = join(this.folder, 'bin');
    mkdirSync(programs, { recursive: true });
    if (!existsSync(join(programs, 'docker'))) symlinkSync(docker, join(programs, 'docker'));
    // nsenter's -w would leave it on a mount of the outer namespace, from which nothing can be renamed to one of its own.
    writeFileSync(`${folder}.sh`, `cd ${folder} || exit\n${text}`);
    const inside = readFileSync(
      `/proc/${this.#process.pid}/task/${this.#process.pid}/children`,
      'utf8',
    ).trim();
    return new Promise((resolve) => {
      const parts: Buffer[] = [];
      const child = spawn('nsenter', ['-t', inside, '-n', '-m', '-p', 'bash', `${folder}.sh`], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env: {
          ...process.env,
          PATH: `${programs}:${process.env['PATH']}`,
          DOCKER_HOST: `unix://${this.socket}`,
          DOCKER_CONFIG: config,
          DOCKER_CLI_HINTS: 'false',
          IMG: 'bb:latest',
          REG: REGISTRY,
          LC_ALL: 'C.UTF-8',
          TZ: 'UTC',
          ...env,
        },
      });
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        process.kill(-child.pid!, 'SIGKILL');
      }, ms);
      child.stdout.on('data', (part: Buffer) => parts.push(part));
      child.stderr.on('data', (part: Buffer) => parts.push(part));
      child.on('exit', async (code) => {
        clearTimeout(timer);
        await sleep(50);
        rmSync(folder, { recursive: true, force: true });
        rmSync(`${folder}.sh`, { force: true });
        const text = Buffer.concat(parts).toString();
        resolve(
          `${text.replaceAll(folder, '<CWD>').replaceAll(this.folder, '<ROOT>')}\n[exit ${late ? 'too late' : code}]\n`,
        );
      });
    });
  }

  /** Removes containers, and of networks, volumes and images those that cases made. */
  async clear(): Promise<void> {
    const json = async (path: string) => JSON.parse(String((await this.call({ method: 'GET', path })).body));
    const remove = (path: string) => this.call({ method: 'DELETE', path });
    for (const { Id } of await json('/containers/json?all=1')) await remove(`/containers/${Id}?force=1&v=1`);
    for (const { Name, Id } of await json('/networks'))
      if (!['bridge', 'host', 'none'].includes(Name)) await remove(`/networks/${Id}`);
    for (const { Name } of (await json('/volumes')).Volumes ?? []) await remove(`/volumes/${Name}?force=1`);
    for (const { Id, RepoTags } of await json('/images/json'))
      if (!RepoTags?.includes('bb:latest')) await remove(`/images/${Id}?force=1`);
  }

  /** Ends the engine and all that it started, and removes what it left. */
  async stop(): Promise<void> {
    await this.clear().catch(() => undefined);
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    spawnSync('umount', ['-l', join(this.folder, 'data')], { stdio: 'ignore' });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const berthd = (): string => join(process.env['BERTH_DIST'] ?? join(top, 'dist'), 'berthd');
