import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '../../support/daemon.ts';
import type { Engine } from '../engines.ts';
import { median, report, timed } from '../measure.ts';
import { BASE, FILES, PACKAGES } from './files.ts';

/** So many rounds of each load, by turns: many short ones, as a disk's speed goes up and down by seconds. */
const ROUNDS = 9;
const SECONDS = 2;

/** One engine's copy of the project. */
class Project {
  readonly engine: Engine;
  readonly folder: string;

  constructor(engine: Engine) {
    this.engine = engine;
    this.folder = mkdtempSync(join(tmpdir(), `bench-project-${engine.name}-`));
    for (const [name, text] of Object.entries(FILES)) {
      mkdirSync(join(this.folder, dirname(name)), { recursive: true });
      writeFileSync(join(this.folder, name), text);
    }
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, DOCKER_HOST: this.engine.host, COMPOSE_ANSI: 'never' };
  }

  /** `docker compose`, that must do well; its output. */
  compose(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('docker', ['compose', ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      env: this.environment,
      maxBuffer: 1 << 26,
    });
    if (status !== 0) {
      const logs = args[0] === 'logs' ? '' : this.compose('logs', '--tail', '10');
      throw new Error(`${this.engine.name}: compose ${args.join(' ')}: ${stderr}${logs}`);
    }
    return stdout.trim();
  }

  /** A command in the container that makes the load. */
  load(...command: string[]): string {
    return this.compose('exec', '-T', '-e', 'PGPASSWORD=between-ourselves', 'load', ...command);
  }

  /** From the host, by the published port. */
  async get(path: string): Promise<string> {
    const answer = await fetch(`http://${this.compose('port', 'web', '80')}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  }

  async answers(path = '/'): Promise<string> {
    let text = '';
    const got = async () => {
      text = await this.get(path).catch(() => '');
      return text !== '';
    };
    await until(`${this.engine.name}'s project to answer`, got, 60_000);
    return text;
  }

  remove(): void {
    this.compose('down', '-v', '-t', '1', '--rmi', 'local');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The root of the image that all stand on, from Debian's packages: made at `path` unless it is there. */
function makeRoot(path: string): void {
  if (existsSync(path)) return;
  process.stdout.write('making the root of the project from packages\n');
  const { VERSION_CODENAME } = Object.fromEntries(
    readFileSync('/etc/os-release', 'utf8')
      .split('\n')
      .map((line) => line.split('=')),
  );
  const made = spawnSync(
    'mmdebstrap',
    ['--variant=apt', `--include=${PACKAGES.join(',')}`, VERSION_CODENAME, `${path}.part.tar`],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  if (made.status !== 0) throw new Error(`mmdebstrap: ${made.stderr.slice(-2000)}`);
  renameSync(`${path}.part.tar`, path);
}

const number = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);

const pgbench = (project: Project, ...flags: string[]) =>
  number(
    project.load(
      'pgbench',
      '-h',
      'db',
      '-U',
      'app',
      '-c',
      '8',
      '-j',
      '2',
      `-T${SECONDS}`,
      ...flags,
      'postgres',
    ),
    /tps = ([\d.]+)/,
  );

const wrk = (project: Project, url: string) =>
  number(project.load('wrk', '-t2', '-c32', `-d${SECONDS}s`, url), /Requests\/sec: *([\d.]+)/);

/** Each load: its name, its unit, and how to make it; a greater result is better. */
const LOADS: Array<[name: string, unit: string, make: (project: Project) => number]> = [
  ['pgbench, TPC-B, 8 clients', 'tps', (project) => pgbench(project)],
  ['pgbench, select only, 8 clients', 'tps', (project) => pgbench(project, '-S')],
  [
    'redis-benchmark, set, 50 clients',
    'rps',
    (project) =>
      number(
        project.load('redis-benchmark', '-h', 'cache', '-t', 'set', '-n', '200000', '--csv'),
        /"SET","([\d.]+)"/,
      ),
  ],
  ['wrk, a file of nginx', 'rps', (project) => wrk(project, 'http://web/static')],
  ['wrk, nginx, Node, Redis', 'rps', (project) => wrk(project, 'http://web/hits')],
];

/** Compose's own loop: a change of a file comes into the containers and is seen by a reader. */
async function watch(project: Project): Promise<void> {
  const watching: ChildProcess = spawn('docker', ['compose', 'watch', '--no-up'], {
    cwd: project.folder,
    env: project.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [watching.stdout!, watching.stderr!])
    stream.on('data', (data) => {
      said += data;
    });
  try {
    await until('compose to watch', () => /watch/i.test(said), 20_000);
    writeFileSync(join(project.folder, 'api/src/greeting.js'), "exports.greeting = 'second';\n");
    const changed = async () => (await project.get('/').catch(() => '')) === 'second';
    await until(`${project.engine.name}: the change to be seen (${said})`, changed, 30_000);
  } finally {
    watching.kill('SIGINT');
  }
}

/** The processes of all containers and of what watches over them. */
async function processesOf(engine: Engine): Promise<number[]> {
  const pids: number[] = [];
  for (const { Id } of await engine.must('GET', '/containers/json')) {
    const { State } = await engine.must('GET', `/containers/${Id}/json`);
    const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${State.Pid}/status`, 'utf8'))?.[1];
    pids.push(State.Pid, ...(Number(parent) > 1 ? [Number(parent)] : []));
  }
  return [...new Set(pids)];
}

async function killDaemon(engine: Engine): Promise<void> {
  const ended = new Promise((resolve) => engine.process.once('exit', resolve));
  engine.process.kill('SIGKILL');
  await ended;
}

/** The daemon alone is killed, then all that runs: nothing that was acknowledged is lost. */
async function kills(project: Project): Promise<void> {
  const { engine } = project;
  const before = Number(await project.answers('/visit'));
  const port = project.compose('port', 'web', '80');
  await killDaemon(engine);
  const meanwhile = Number(await (await fetch(`http://${port}/visit`)).text());
  if (!(meanwhile > before))
    throw new Error(`no visit while the daemon was gone: ${meanwhile} after ${before}`);
  await engine.start();
  const after = Number(await project.answers('/visit'));
  if (!(after > meanwhile)) throw new Error(`visits were lost with the daemon: ${after} after ${meanwhile}`);
  const pids = await processesOf(engine);
  await killDaemon(engine);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went with one before it.
    }
  }
  const back = await timed(async () => {
    await engine.start();
    await project.answers('/visit');
  });
  const last = Number(await project.answers('/visit'));
  if (!(last > after)) throw new Error(`visits were lost with the containers: ${last} after ${after}`);
  process.stdout.write(
    `daemon killed: served on, nothing lost; all killed: nothing lost, served again after ${(back / 1000).toFixed(1)} s\n`,
  );
}

/**
 * A real project on both engines, made and run by compose: health, secrets, scale and watch work, its throughput is
 * compared, and Berth's goes on through kills. `$BENCH_PROJECT_ROOT` names a file that keeps the root of its image
 * between runs.
 */
export async function project(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const kept = process.env['BENCH_PROJECT_ROOT'];
  const archive = kept ?? join(engines.berth.folder, 'project-root.tar');
  makeRoot(archive);
  const projects = [engines.berth, engines.docker].map((engine) => new Project(engine));
  try {
    for (const one of projects) {
      one.engine.cli(['import', archive, BASE]);
      const built = await timed(() => one.compose('build', '-q'));
      const up = await timed(() => one.compose('up', '-d', '--wait'));
      process.stdout.write(
        `${one.engine.name}: built in ${(built / 1000).toFixed(1)} s, healthy after ${(up / 1000).toFixed(1)} s\n`,
      );
      if ((await one.answers()) !== 'first') throw new Error(`${one.engine.name}: another greeting`);
      await watch(one);
      one.compose('up', '-d', '--wait', '--scale', 'api=4', 'api');
      const count = one.compose('ps', '-q', 'api').split('\n').length;
      if (count !== 4) throw new Error(`${one.engine.name}: ${count} of 4`);
      one.compose('up', '-d', '--wait', '--scale', 'api=2', 'api');
      one.load('pgbench', '-i', '-q', '-s', '4', '-h', 'db', '-U', 'app', 'postgres');
    }
    for (const [name, unit, make] of LOADS) {
      const results = projects.map(() => [] as number[]);
      for (let round = 0; round < ROUNDS; round++)
        for (const index of round % 2 ? [1, 0] : [0, 1]) results[index]!.push(make(projects[index]!));
      report(name, median(results[0]!), median(results[1]!), unit, '0.95', 'more');
    }
    await kills(projects[0]!);
  } finally {
    for (const one of projects) one.remove();
  }
}
