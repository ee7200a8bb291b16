import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { TestRegistry } from '@berth/daemon/images/registry/testing/servers.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { modes } from './modes.ts';
import { playRound } from './round.ts';

export interface Plan {
  rounds: number;
  seed: number;
  /** Only this mode. */
  mode?: string;
  /** Power cuts, too: they are rounds of their own kind, which need FUSE. */
  power?: boolean;
  /** Only this round of the plan. */
  round?: number;
  tell?: (line: string) => void;
}

/** Plays rounds over the modes, each mode's in a row. @returns what was broken, each with all that is needed to play it again */
export async function play({
  rounds,
  seed,
  mode: only,
  power = false,
  round: one,
  tell = () => undefined,
}: Plan): Promise<string[]> {
  const names = only ? [only] : [...Object.keys(modes), ...(power ? ['power'] : [])];
  const parent = `berth-faults-${randomBytes(4).toString('hex')}`;
  const registry = await TestRegistry.start();
  const problems: string[] = [];
  try {
    for (const [index, name] of names.entries()) {
      const mine = Array.from({ length: rounds }, (_, round) => round).filter(
        (round) => round % names.length === index && (one === undefined || round === one),
      );
      if (mine.length === 0) continue;
      const began = performance.now();
      if (name === 'power') {
        // A program of its own, too. Its rounds have numbers of their own.
        const { powerCutRounds } = await import('./power-cut.ts');
        const cuts = { rounds: mine.length, seed, registry: registry.host, round: only ? one : undefined };
        const found = await powerCutRounds({ ...cuts, onRound: (_, lines) => lines.forEach(tell) });
        problems.push(...found);
        const again = `again: npm run faults -- --rounds ${mine.length} --seed ${seed} --mode power --round N`;
        tell(
          `power        ${mine.length} rounds: ${found.length} broken${found.length > 0 ? `; ${again}` : ''}`,
        );
        continue;
      }
      const { problems: found, requests } = await playMode(name, mine, {
        seed,
        parent,
        registry: registry.host,
        only,
        rounds,
        tell,
      });
      problems.push(...found);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      tell(
        `${name.padEnd(12)} ${mine.length} rounds, ${requests} requests, ${seconds} s: ` +
          (found.length > 0 ? `${found.length} broken` : 'nothing broken'),
      );
    }
  } finally {
    registry.stop();
    removeCgroupParent(parent);
  }
  return problems;
}

interface Play {
  seed: number;
  rounds: number;
  parent: string;
  registry: string;
  only: string | undefined;
  tell(line: string): void;
}

async function playMode(
  name: string,
  rounds: number[],
  play: Play,
): Promise<{ problems: string[]; requests: number }> {
  const mode = modes[name];
  if (!mode) throw new Error(`no mode ${name}; there are: ${Object.keys(modes).join(' ')}`);
  const problems: string[] = [];
  let requests = 0;
  let daemon: TestDaemon | undefined;
  try {
    for (const round of rounds) {
      daemon ??= await mode.open(play.parent);
      const logged = daemon.log.length;
      const outcome = await playRound(daemon, mode, { ...play, round });
      requests += outcome.requests;
      if (outcome.broken.length === 0) continue;
      const again = `--rounds ${play.rounds} --seed ${play.seed}${play.only ? ` --mode ${play.only}` : ''} --round ${round}`;
      const problem = [
        `mode ${name}, round ${round}; again: npm run faults -- ${again}`,
        ...outcome.broken.map((what) => `  broken: ${what}`),
        outcome.journal,
        `the daemon's log:`,
        daemon.log.slice(logged).slice(-6000),
      ].join('\n');
      problems.push(problem);
      play.tell(problem);
      // A broken state must not be found again in the next round, nor hold up the rig.
      await daemon.down('SIGKILL');
      await dispose(daemon, mode);
      daemon = undefined;
    }
  } finally {
    if (daemon) await dispose(daemon, mode);
  }
  return { problems, requests };
}

async function dispose(daemon: TestDaemon, mode: (typeof modes)[string]): Promise<void> {
  await daemon.dispose();
  await mode.close?.(daemon);
}

/** The parent of the containers' cgroups outlives them, as an administrator's would. */
export function removeCgroupParent(parent: string): void {
  for (const hierarchy of ['.', ...readdirSync('/sys/fs/cgroup')]) {
    const folder = join('/sys/fs/cgroup', hierarchy, parent);
    if (existsSync(folder)) rmdirSync(folder);
  }
}
