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
  const ratio = better === 'less' ? docker / berth : berth / docker;
  const wanted = Number(target.replace(/^1\//, ''));
  const verdict = Number.isNaN(wanted) ? '' : ratio >= wanted ? 'reached' : 'NOT REACHED';
  const shown = better === 'less' ? `1/${ratio.toFixed(1)}` : `${ratio.toFixed(2)}x`;
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
