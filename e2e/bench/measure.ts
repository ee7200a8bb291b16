import type { Engine } from './engines.ts';

export function median(values: number[]): number {
  const sorted = values.slice().sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that a piece of work takes. */
export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/**
 * Times the same work on both engines by turns, `rounds` times after `warm` unmeasured rounds: what else the machine
 * does meets both alike. Returns the medians in milliseconds.
 */
export async function alternate(
  engines: { berth: Engine; docker: Engine },
  rounds: number,
  work: (engine: Engine, round: number) => Promise<unknown> | unknown,
  warm = 3,
): Promise<{ berth: number; docker: number }> {
  const times: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
  for (let round = -warm; round < rounds; round++) {
    for (const engine of round % 2 ? [engines.docker, engines.berth] : [engines.berth, engines.docker]) {
      const ms = await timed(() => work(engine, round));
      if (round >= 0) times[engine.name].push(ms);
    }
  }
  return { berth: median(times.berth), docker: median(times.docker) };
}

/**
 * How a figure of ours stands to another's and to the ratio that is to be reached. Memory is a difference of two measurements:
 * where ours is nothing or less, it is below what can be measured; where the other's is, nothing can be said.
 */
export function standing(
  own: number,
  other: number,
  target: number,
  better: 'less' | 'more',
): { shown: string; verdict: string } {
  if (better === 'less' && other <= 0) return { shown: '-', verdict: 'not measurable' };
  const ratio = better === 'more' ? own / other : own > 0 ? other / own : Number.POSITIVE_INFINITY;
  const verdict = Number.isNaN(target) ? '' : ratio >= target ? 'reached' : 'NOT REACHED';
  if (ratio === Number.POSITIVE_INFINITY) return { shown: '1/inf', verdict };
  return { shown: better === 'less' ? `1/${ratio.toFixed(1)}` : `${ratio.toFixed(2)}x`, verdict };
}

const lines: Array<[string, string, string, string, string, string]> = [];

/** Prints one comparison; `target` is the ratio to reach, `better` which way is good. */
export function report(
  what: string,
  berth: number,
  docker: number,
  unit: string,
  target: string,
  better: 'less' | 'more',
): void {
  const { shown, verdict } = standing(berth, docker, Number(target.replace(/^1\//, '')), better);
  lines.push([
    what,
    number(berth),
    number(docker),
    unit,
    shown,
    `${target ? `target ${target}` : ''} ${verdict}`.trim(),
  ]);
  const [line] = lines.slice(-1);
  process.stdout.write(
    `${line![0].padEnd(44)} ${line![1].padStart(10)} ${line![2].padStart(10)} ${line![3].padEnd(8)} ${line![4].padStart(8)}  ${line![5]}\n`,
  );
}

const number = (value: number) =>
  value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toFixed(2);

/** Prints a figure of ours that stands against a limit, not against the other engine. */
export function figure(what: string, value: number, unit: string, limit: number): void {
  process.stdout.write(
    `${what.padEnd(44)} ${number(value).padStart(10)} ${''.padStart(10)} ${unit.padEnd(8)} ${''.padStart(8)}  limit ${limit} ${value <= limit ? 'reached' : 'NOT REACHED'}\n`,
  );
}
