import { sleep, type TestDaemon } from '../support/daemon.ts';
import { damagedLayers, leaks } from '../support/leaks.ts';
import { leftOpen, leftOpenBySupervisors } from './census.ts';
import { call, Lost } from './connection.ts';
import { EventWatch } from './events.ts';
import { Excuses } from './excuses.ts';
import { brokenPromises } from './invariants.ts';
import { Journal } from './journal.ts';
import type { Mode, Scene } from './mode.ts';
import { operate } from './operations/index.ts';
import { Random } from './random.ts';
import { type Stage, User } from './user.ts';

const USERS = 4;

export interface Outcome {
  broken: string[];
  journal: string;
  requests: number;
}

/** One round: users at work, the mode's harm, then what must be true. Afterwards the daemon has nothing but `bb`. */
export async function playRound(
  daemon: TestDaemon,
  mode: Mode,
  { seed, round, parent, registry }: { seed: number; round: number; parent: string; registry: string },
): Promise<Outcome> {
  const journal = new Journal();
  const excuses = new Excuses();
  const stage: Stage = {
    socket: daemon.socket,
    registry,
    journal,
    events: new EventWatch(daemon.socket),
    broken: [],
    excused: (text, from, to) => excuses.excused(text, from, to),
    troubled: (from, to) => excuses.troubled(from, to),
    stopped: false,
  };
  const users = Array.from(
    { length: USERS },
    (_, index) => new User(stage, new Random(seed, round, index), `u${round}-${index}`),
  );
  const logged = daemon.log.length;
  const scene: Scene = { daemon, random: new Random(seed, round, 'harm'), journal, stage, users, excuses };
  await stage.events.open();
  const working = users.map(work);
  try {
    await mode.harm(scene);
  } catch (error) {
    stage.broken.push(`the harm could not be mended: ${(error as Error).message}`);
  }
  stage.stopped = true;
  await Promise.all(working);
  journal.note('the users have stopped');
  const broken = stage.broken;
  try {
    broken.push(...(await stage.events.check()));
    journal.note('events were checked');
    broken.push(...(await brokenPromises(daemon, users)));
    journal.note('promises were checked');
    broken.push(...(await leaks(daemon, parent)));
    broken.push(...damagedLayers(daemon, 3).map((layer) => `damaged layer ${layer}`));
    journal.note('leaks were looked for');
    for (const { followed } of users) for (const { follower } of followed) follower.close();
    broken.push(...(await leftOpenBySupervisors(daemon)));
    journal.note('open files were counted');
    broken.push(...(await removeAll(daemon)));
    journal.note('all was removed');
    broken.push(...(await leaks(daemon, parent)).map((what) => `after all was removed: ${what}`));
    broken.push(...(await leftOpen(daemon)));
    journal.note('leaks were looked for');
  } catch (error) {
    broken.push(`the daemon could not be asked: ${(error as Error).message}`);
  }
  const unexpected = daemon.log
    .slice(logged)
    .split('\n')
    .filter((line) => /unhandled|uncaught|TypeError|RangeError|ReferenceError|AssertionError/i.test(line));
  broken.push(...unexpected.map((line) => `the daemon's log: ${line.slice(0, 600)}`));
  return { broken, journal: journal.text, requests: journal.count };
}

/** A user goes on after a daemon that went away, as one would who tries again. */
async function work(user: User): Promise<void> {
  while (!user.stage.stopped) {
    try {
      await operate(user);
    } catch (error) {
      if (!(error instanceof Lost)) {
        user.broken(`the rig itself: ${(error as Error).stack}`);
        return;
      }
      await sleep(20);
    }
  }
}

/** Leaves nothing but `bb`. @returns what could not be removed */
export async function removeAll(daemon: TestDaemon): Promise<string[]> {
  const broken: string[] = [];
  const ask = async (method: string, path: string, wanted: number[]) => {
    const reply = await call(daemon.socket, { method, path });
    if (!wanted.includes(reply.status)) broken.push(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.json;
  };
  const list = (await ask('GET', '/containers/json?all=1', [200])) as { Id: string }[];
  await Promise.all(list.map(({ Id }) => ask('DELETE', `/containers/${Id}?force=1&v=1`, [204])));
  await ask('POST', '/networks/prune', [200]);
  await ask('POST', `/volumes/prune?filters=${encodeURIComponent('{"all":["1"]}')}`, [200]);
  await ask('POST', '/build/prune?all=1', [200]);
  const images = (await ask('GET', '/images/json', [200])) as { Id: string; RepoTags: string[] | null }[];
  for (const { Id, RepoTags } of images)
    if (!RepoTags?.includes('bb:latest')) await ask('DELETE', `/images/${Id}?force=1`, [200, 404]);
    else for (const tag of RepoTags) if (tag !== 'bb:latest') await ask('DELETE', `/images/${tag}`, [200]);
  return broken;
}
