// Berth and containerd, each with pods of its own, by turns; called by `index.ts` within namespaces.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { sleep, until } from '../../support/daemon.ts';
import { OWN_HOST } from '../../support/own-host.ts';
import { pss } from '../engines.ts';
import { median, standing } from '../measure.ts';
import { type BenchPod, COMMAND, CriClient, type Span, STEPS, type Step } from './client.ts';
import { Plugins, shareOf } from './plugins.ts';
import { IMAGE, startBerth, startContainerd } from './runtimes.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 20);
/** Pods that are started at once, and pods whose memory is measured. */
const AT_ONCE = 8;
const IDLE = 50;
const CRUN = '/usr/bin/crun';

/** The measurements of one runtime; times in milliseconds. */
interface Figures {
  steps: Record<Step, number>;
  /** The part of each step in which CNI plugins ran. */
  plugins: Record<Step, number>;
  /** Pods a second, one by one and `AT_ONCE` at once. */
  alone: number;
  together: number;
  /** MiB that a pod keeps, beside its container's one process. */
  memory: number;
}

/** One runtime with its pods. */
class Lane {
  readonly client: CriClient;
  readonly #plugins: Plugins | undefined;
  readonly #times = new Map<Step, number[]>();
  readonly #shares = new Map<Step, number[]>();

  constructor(client: CriClient, plugins?: Plugins) {
    this.client = client;
    this.#plugins = plugins;
  }

  /** A pod's life; its times are kept when it is `measured`. */
  async round(name: string, measured: boolean): Promise<void> {
    const spans = new Map<Step, Span>();
    this.#plugins?.taken();
    await this.client.remove(await this.client.start(name, spans), spans);
    const ran = this.#plugins?.taken() ?? [];
    if (!measured) return;
    for (const [step, span] of spans) {
      this.#times.set(step, [...(this.#times.get(step) ?? []), span[1] - span[0]]);
      this.#shares.set(step, [...(this.#shares.get(step) ?? []), shareOf(span, ran)]);
    }
  }

  async #perSecond(lanes: number, each: number): Promise<number> {
    const began = performance.now();
    const lane = async (number: number) => {
      for (let round = 0; round < each; round += 1)
        await this.client.remove(await this.client.start(`many-${lanes}-${number}-${round}`));
    };
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
    return (lanes * each * 1000) / (performance.now() - began);
  }

  async #memory(): Promise<number> {
    const before = runtimesMemory();
    const pods: BenchPod[] = [];
    for (let number = 0; number < IDLE; number += 1) pods.push(await this.client.start(`idle-${number}`));
    await sleep(3000);
    const grown = runtimesMemory() - before;
    for (const pod of pods) await this.client.remove(pod);
    return grown / IDLE / 2 ** 20;
  }

  async figures(): Promise<Figures> {
    const middle = (times: Map<Step, number[]>) =>
      Object.fromEntries(STEPS.map((step) => [step, median(times.get(step) ?? [0])])) as Record<Step, number>;
    return {
      steps: middle(this.#times),
      plugins: middle(this.#shares),
      alone: await this.#perSecond(1, ROUNDS),
      together: await this.#perSecond(AT_ONCE, Math.ceil(ROUNDS / 4)),
      memory: await this.#memory(),
    };
  }
}

/** Memory of all processes but those of containers: this PID namespace has only the runtimes'. */
function runtimesMemory(): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .reduce((sum, pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command === `${COMMAND.join('\0')}\0` ? sum : sum + pss(Number(pid));
      } catch {
        return sum; // It has ended.
      }
    }, 0);
}

const ROWS = [...STEPS, '  without plugins: request to started', '  without plugins: stop and removal'];

/** A runtime's times in the order of ROWS. */
function timesOf({ steps, plugins }: Figures): number[] {
  const rest = (step: Step) => steps[step] - plugins[step];
  return [...STEPS.map((step) => steps[step]), rest('request to started'), rest('stop and removal')];
}

function show(all: Map<string, Figures>): void {
  const line = (what: string, cells: Array<string | number>) =>
    process.stdout.write(
      `${what.padEnd(44)}${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(1) : cell).padStart(18)).join('')}\n`,
    );
  line('median, ms', [...all.keys()]);
  const times = [...all.values()].map(timesOf);
  for (const [index, row] of ROWS.entries())
    line(
      row,
      times.map((one) => one[index]!),
    );
  for (const step of ['sandbox', 'stop and removal'] as const)
    line(
      `  plugins in ${step}`,
      [...all.values()].map(({ plugins }) => plugins[step]),
    );
  const row = (what: string, of: (figures: Figures) => number) => line(what, [...all.values()].map(of));
  row('pods a second, one by one', ({ alone }) => alone);
  row(`pods a second, ${AT_ONCE} at once`, ({ together }) => together);
  line(
    'memory of an idle pod, MiB',
    [...all.values()].map(({ memory }) => memory.toFixed(2)),
  );
}

/** How Berth stands to another runtime, with what is to be reached. */
function compare(all: Map<string, Figures>, other: string): void {
  const [own, cni, than] = ['berth', 'berth cni', other].map((name) => all.get(name)!) as Figures[];
  process.stdout.write(`\nbeside ${other}\n`);
  const line = (what: string, mine: number, theirs: number, target: number, better: 'less' | 'more') => {
    const { shown, verdict } = standing(mine, theirs, target, better);
    process.stdout.write(`${what.padEnd(60)}${shown.padStart(8)}  target ${target} ${verdict}\n`);
  };
  const less = (what: string, mine: number, theirs: number, target: number) =>
    line(what, mine, theirs, target, 'less');
  const rest = ({ steps, plugins }: Figures, step: Step) => steps[step] - plugins[step];
  for (const step of ['request to started', 'stop and removal'] as const)
    less(`own network: ${step}`, own!.steps[step], than!.steps[step], 5);
  line(`own network: pods a second, ${AT_ONCE} at once`, own!.together, than!.together, 6, 'more');
  less('own network: memory of an idle pod', own!.memory, than!.memory, 10);
  for (const step of ['request to started', 'stop and removal'] as const)
    less(`the same plugins, without their time: ${step}`, rest(cni!, step), rest(than!, step), 5);
}

/** cgroups that pods were below. */
function removeCgroups(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroups(join(folder, entry.name));
  rmdirSync(folder);
}

const [folder = ''] = process.argv.slice(2);
const made = spawnSync('bash', ['-c', OWN_HOST], {
  env: { ...process.env, FOLDER: folder, ADDRESS: '10.202.9.2' },
  stdio: 'inherit',
});
if (made.status !== 0) throw new Error('no host of its own could be made');
const plugins = {
  berth: new Plugins(folder, 'berth', '10.209.1'),
  containerd: new Plugins(folder, 'containerd', '10.209.2'),
};
const crun = existsSync(CRUN) ? CRUN : '';
const [own, cni, containerd] = await Promise.all([
  startBerth(folder, 'berth'),
  startBerth(folder, 'berth-cni', plugins.berth),
  startContainerd(folder, plugins.containerd, crun),
]);
const lanes = [
  new Lane(new CriClient('berth', own.socket, IMAGE)),
  new Lane(new CriClient('berth cni', cni.socket, IMAGE), plugins.berth),
  new Lane(new CriClient('containerd runc', containerd.socket, IMAGE, 'runc'), plugins.containerd),
  ...(crun
    ? [new Lane(new CriClient('containerd crun', containerd.socket, IMAGE, 'crun'), plugins.containerd)]
    : []),
];
try {
  for (const { client } of lanes) await until(`${client.name} to be ready`, () => client.ready());
  const last = lanes.at(-1)!;
  // crun refuses machines with controllers in both versions of cgroups.
  if (crun)
    await last.round('first', false).catch((error: Error) => {
      process.stdout.write(`not measured: ${error.message}\n`);
      lanes.pop();
    });
  for (let round = -2; round < ROUNDS; round += 1)
    for (const lane of round % 2 ? [...lanes].reverse() : lanes) await lane.round(`pod-${round}`, round >= 0);
  process.stdout.write(`load average ${loadavg()[0]!.toFixed(2)}\n`);
  const all = new Map<string, Figures>();
  for (const lane of lanes) all.set(lane.client.name, await lane.figures());
  show(all);
  for (const name of all.keys()) if (name.startsWith('containerd')) compare(all, name);
} finally {
  for (const { client } of lanes) client.close();
  for (const daemon of [own, cni, containerd]) {
    const ended = new Promise((resolve) => daemon.process.once('exit', resolve));
    daemon.process.kill();
    await ended;
  }
  const root = '/sys/fs/cgroup';
  const unified = existsSync(join(root, 'cgroup.controllers'));
  for (const name of unified ? [''] : readdirSync(root)) removeCgroups(join(root, name, 'berth-bench'));
}
process.exit();
