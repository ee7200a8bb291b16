import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Span } from './client.ts';

const PLUGINS = '/usr/lib/cni';
const USED = ['loopback', 'bridge', 'host-local', 'portmap'];

/** A configuration of CNI for one runtime, whose plugins write down when they ran. */
export class Plugins {
  readonly configurations: string;
  readonly programs: string;
  readonly #times: string;

  /** `subnet`: the first three numbers of its addresses. @throws Error without a compiler */
  constructor(folder: string, name: string, subnet: string) {
    this.configurations = join(folder, `${name}-conf`);
    this.programs = join(folder, `${name}-bin`);
    this.#times = join(folder, `${name}-times`);
    for (const made of [this.configurations, this.programs]) mkdirSync(made);
    const program = join(folder, `${name}-plugin`);
    const defined = [`-DBENCH_PLUGINS="${PLUGINS}"`, `-DBENCH_TIMES="${this.#times}"`];
    const source = join(import.meta.dirname, 'plugin.c');
    const { status, stderr } = spawnSync('cc', ['-O1', '-static', ...defined, '-o', program, source], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cc plugin.c: ${stderr}`);
    // The bridge runs host-local itself: its time is the bridge's.
    for (const used of USED)
      symlinkSync(used === 'host-local' ? join(PLUGINS, used) : program, join(this.programs, used));
    writeFileSync(
      join(this.configurations, '10-bench.conflist'),
      JSON.stringify({
        cniVersion: '1.0.0',
        name,
        plugins: [
          {
            type: 'bridge',
            bridge: `cni-${name}`,
            isGateway: true,
            ipMasq: true,
            ipam: {
              type: 'host-local',
              dataDir: join(folder, `${name}-addresses`),
              ranges: [[{ subnet: `${subnet}.0/24` }]],
              routes: [{ dst: '0.0.0.0/0' }],
            },
          },
          { type: 'portmap', capabilities: { portMappings: true } },
        ],
      }),
    );
  }

  /** The runs of plugins since the last call. */
  taken(): Span[] {
    if (!existsSync(this.#times)) return [];
    const lines = readFileSync(this.#times, 'utf8').trim().split('\n');
    rmSync(this.#times);
    return lines.map((line) => line.split(' ').map((text) => Number(text) / 1e6) as Span);
  }
}

/** The milliseconds of a step in which plugins ran, those that ran at once counted once. */
export function shareOf([began, ended]: Span, plugins: readonly Span[]): number {
  let [share, until] = [0, began];
  for (const [first, last] of [...plugins].sort((a, b) => a[0] - b[0])) {
    const from = Math.max(first, until);
    const to = Math.min(last, ended);
    if (to <= from) continue;
    share += to - from;
    until = to;
  }
  return share;
}
