import { constants } from 'node:os';
import { join } from 'node:path';
import { sleep, type TestDaemon, until } from '../../support/daemon.ts';
import { leaks } from '../../support/leaks.ts';
import { Hung, Lost } from '../connection.ts';
import { arm, failing, failingDaemon, lastHit, timesHit } from '../faults/failpoints.ts';
import { removeAll } from '../round.ts';
import { picture, untrue } from './picture.ts';
import { Hand, Refused, type Scenario } from './scenario.ts';

/*
 * One operation, hit at each of its steps in turn: a daemon or a native part is killed before or after it, or it fails. Or no
 * record can be written as long as it lasts.
 */

const KILL = 1000;
const KILL_AFTER = 1001;

/** The ways to be hit: whose calls, and what comes of them. */
export const HITS = {
  'kill-before': { name: 'daemon.*', action: KILL },
  'kill-after': { name: 'daemon.*', action: KILL_AFTER },
  fail: { name: 'daemon.*', action: constants.errno.EIO },
  full: { name: 'daemon.*', action: constants.errno.ENOSPC },
  record: { name: 'sqlite.run', action: constants.errno.ENOSPC },
  'native-kill': { name: 'native.*', action: KILL },
  'native-fail': { name: 'native.*', action: constants.errno.ENOMEM },
} as const;
export type Hit = keyof typeof HITS;

/** Steps are those until an operation has none left; none has as many. */
const MOST = 2000;
/** An operation that is broken at so many steps is not played on: its steps are broken alike, as a rule. */
const ENOUGH = 4;
/** What an operation goes on with behind its answer is hit, too, for so many milliseconds. */
const BEHIND = 150;
const PATIENCE = 10_000;

export interface Choice {
  hit: Hit;
  /** From this step on, each of so many. */
  from: number;
  every: number;
  parent: string;
  tell(line: string): void;
}

/** Plays an operation once for each of its steps. @returns what was broken, and how many steps there are */
export async function playScenario(
  scenario: Scenario,
  choice: Choice,
): Promise<{ broken: string[]; steps: number }> {
  const stage = await Stage.open(choice.parent);
  try {
    return await playOn(stage, scenario, choice);
  } finally {
    await stage.close();
  }
}

/** The same, on a daemon that is there already. */
export async function playOn(
  stage: Stage,
  scenario: Scenario,
  choice: Omit<Choice, 'parent'>,
): Promise<{ broken: string[]; steps: number }> {
  const broken: string[] = [];
  let step = choice.from;
  const [before, after] = await stage.rehearse(scenario);
  for (; step < MOST; step += choice.every) {
    const trial = new Trial(stage, scenario, choice.hit, { before, after });
    const { hit, found } = await trial.play(step);
    if (found.length > 0) {
      const what = `${scenario.name}, ${choice.hit} at step ${step} (${hit ?? 'nothing was hit'}):`;
      const told = [
        what,
        ...found.map((one) => `  ${one}`),
        ...trial.story.map((line) => `    ${line}`),
      ].join('\n');
      broken.push(told);
      choice.tell(told);
      await stage.renew();
    }
    if (hit === undefined || choice.hit === 'record' || broken.length >= ENOUGH) break;
  }
  const left = await leaks(stage.daemon, stage.parent);
  if (left.length > 0)
    broken.push(`${scenario.name}, ${choice.hit}, after all was removed: ${left.join('; ')}`);
  return { broken, steps: step };
}

/** A daemon for many trials. */
export class Stage {
  readonly parent: string;
  daemon!: TestDaemon;
  file = '';

  private constructor(parent: string) {
    this.parent = parent;
  }

  static async open(parent: string): Promise<Stage> {
    const stage = new Stage(parent);
    await stage.#open();
    return stage;
  }

  get hand(): Hand {
    return new Hand(this.daemon);
  }

  async #open(): Promise<void> {
    ({ daemon: this.daemon, file: this.file } = await failingDaemon(this.parent, (folder) => [
      '--cri',
      ...['--cri-socket', `unix://${join(folder, 'cri.sock')}`],
    ]));
  }

  async close(): Promise<void> {
    arm(this.file, []);
    await this.clean().catch(() => undefined);
    await this.daemon.dispose().catch(() => undefined);
    await failing().close!(this.daemon);
  }

  /** A broken state must not be found again in the next trial. */
  async renew(): Promise<void> {
    await this.daemon.down('SIGKILL');
    await this.close();
    await this.#open();
  }

  /** The pictures before and after an operation that nothing disturbs. */
  async rehearse(scenario: Scenario): Promise<[string[], string[]]> {
    await scenario.before?.(this.hand);
    const before = await picture(this.daemon);
    await scenario.act(this.hand);
    await sleep(BEHIND);
    const after = await picture(this.daemon);
    await this.clean();
    return [before, after];
  }

  /** Leaves nothing but the image of the tests. */
  async clean(): Promise<string[]> {
    for (const { id } of (await this.hand.cri('ListPodSandbox')).items)
      await this.hand.cri('RemovePodSandbox', { pod_sandbox_id: id });
    const broken = await removeAll(this.daemon);
    for (const kind of ['secrets', 'configs'])
      for (const { ID } of (await this.hand.ask('GET', `/${kind}`)) ?? [])
        await this.hand.delete(`/${kind}/${ID}`);
    return broken;
  }
}

class Trial {
  readonly story: string[] = [];
  readonly #stage: Stage;
  readonly #scenario: Scenario;
  readonly #hit: Hit;
  readonly #pictures: { before: string[]; after: string[] };

  constructor(stage: Stage, scenario: Scenario, hit: Hit, pictures: { before: string[]; after: string[] }) {
    this.#stage = stage;
    this.#scenario = scenario;
    this.#hit = hit;
    this.#pictures = pictures;
  }

  async play(step: number): Promise<{ hit: string | undefined; found: string[] }> {
    const { daemon, hand, file } = this.#stage;
    const logged = daemon.log.length;
    await this.#scenario.before?.(hand);
    arm(file, [
      { ...HITS[this.#hit], skip: step, count: ['full', 'record'].includes(this.#hit) ? 1_000_000 : 1 },
    ]);
    const answer = await this.#act(hand);
    this.story.push(`answered: ${answer}`);
    await sleep(BEHIND);
    const hit = timesHit(file) > 0 ? lastHit(file) : undefined;
    arm(file, []);
    const found: string[] = [];
    if (answer.startsWith('hung')) found.push(answer);
    try {
      if (hit !== undefined && this.#hit.startsWith('kill'))
        await until('the daemon to end', () => isOver(daemon), PATIENCE);
      if (isOver(daemon)) {
        if (this.#hit.startsWith('native')) found.push('the daemon has ended');
        await daemon.up();
        this.story.push('the daemon is up again');
      }
      found.push(...(await this.#after(answer)));
    } catch (error) {
      found.push((error as Error).message);
    }
    const unexpected = daemon.log
      .slice(logged)
      .split('\n')
      .filter((line) => /unhandled|uncaught|TypeError|RangeError|ReferenceError|AssertionError/i.test(line));
    found.push(...unexpected.map((line) => `the daemon's log: ${line.slice(0, 600)}`));
    if (found.length > 0) this.story.push(...daemon.log.slice(logged).slice(-3000).split('\n'));
    return { hit, found };
  }

  async #act(hand: Hand): Promise<string> {
    try {
      await this.#scenario.act(hand);
      return 'done';
    } catch (error) {
      if (error instanceof Refused) return `refused: ${error.message.slice(0, 400)}`;
      if (error instanceof Lost) return 'lost';
      if (error instanceof Hung) return `hung: ${error.message}`;
      throw error;
    }
  }

  /** What must be true when all has come to rest. */
  async #after(answer: string): Promise<string[]> {
    const { daemon, parent, hand } = this.#stage;
    const { before, after } = this.#pictures;
    const found: string[] = [];
    const same = (lines: string[], wanted: string[]) => lines.join('\n') === wanted.join('\n');
    let now: string[] = [];
    const right = () =>
      answer === 'done'
        ? same(now, after)
        : same(now, after) || same(now, before) || this.#scenario.between?.(now) === true;
    for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(50)) {
      now = await picture(daemon);
      if (right()) break;
    }
    if (!right()) found.push(`neither as before nor as after:`, ...difference(before, after, now));
    if (answer.startsWith('refused') && same(now, after) && !same(now, before))
      found.push(`it was refused (${answer}), and is done`);
    if (this.#hit === 'record') found.push(...(await this.#unrecorded(answer, now)));
    found.push(...(await untrue(daemon)));
    found.push(...(await leaks(daemon, parent)));
    if (found.length === 0 && same(now, before) && !same(before, after)) {
      const again = await this.#act(hand);
      this.story.push(`again: ${again}`);
      if (again !== 'done') found.push(`done again, it is ${again}`);
      else {
        for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(50)) {
          now = await picture(daemon);
          if (same(now, after)) break;
        }
        if (!same(now, after))
          found.push('done again, it is not as after:', ...difference(before, after, now));
      }
    }
    found.push(...(await this.#stage.clean()));
    return found;
  }

  /** What must be true of an operation that could not be recorded, and what the next daemon must find. */
  async #unrecorded(answer: string, now: string[]): Promise<string[]> {
    const { daemon } = this.#stage;
    const found: string[] = [];
    if (this.#scenario.ends && answer !== 'done')
      found.push(`an end that cannot be recorded is done: ${answer}`);
    // A change that could not be written is tried again each second.
    await sleep(1300);
    await daemon.down('SIGKILL');
    await daemon.up();
    let later: string[] = [];
    for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(50)) {
      later = await picture(daemon);
      if (later.join('\n') === now.join('\n')) return found;
    }
    return [...found, 'the next daemon found something else:', ...difference(now, now, later)];
  }
}

const isOver = ({ process }: TestDaemon) =>
  !process || process.exitCode !== null || process.signalCode !== null;

function difference(before: string[], after: string[], now: string[]): string[] {
  const told = (name: string, lines: string[]) => lines.map((line) => `${name}: ${line}`);
  return [...told('before', before), ...told('after', after), ...told('now', now)];
}
