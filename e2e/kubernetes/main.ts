/*
 * `npm run kubernetes [SCENARIO ...]`: Kubernetes' own programs on this engine. The programs are not part of this project: their
 * paths are in the environment, and what cannot be run for want of one is told.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inOwnPlace } from './place.ts';
import { find, PROGRAMS, type ProgramName } from './programs.ts';
import type { Row } from './table.ts';
import { line } from './table.ts';

interface Scenario {
  needs: ProgramName[];
  run: (folder: string) => Promise<Row[]>;
}

const CLUSTER: ProgramName[] = [
  'KUBELET',
  'KUBE_APISERVER',
  'KUBE_CONTROLLER_MANAGER',
  'KUBE_SCHEDULER',
  'ETCD',
  'KUBECTL',
];

const scenarios: Record<string, Scenario> = {
  standalone: {
    needs: ['KUBELET'],
    run: async (folder) => (await import('./scenarios.ts')).onItsOwn(folder),
  },
  cluster: { needs: CLUSTER, run: async (folder) => (await import('./scenarios.ts')).inACluster(folder) },
  kills: { needs: CLUSTER, run: async (folder) => (await import('./scenarios.ts')).underKills(folder) },
  critest: { needs: ['CRITEST'], run: async (folder) => (await import('./critest.ts')).critest(folder) },
  'cri-dockerd': {
    needs: ['CRI_DOCKERD', 'CRITEST'],
    run: async (folder) => (await import('./critest.ts')).critestOfDockerd(folder),
  },
};

/** How it is called: each scenario with the variables that name its programs, and what those are. */
function help(): string {
  const rows = Object.entries(scenarios).map(
    ([name, { needs }]) => `  ${name.padEnd(24)} needs ${needs.join(', ')}`,
  );
  const programs = Object.entries(PROGRAMS).map(([name, what]) => `  ${name.padEnd(24)} the path of ${what}`);
  return [
    'npm run kubernetes [SCENARIO ...]: all scenarios whose programs are named, or these',
    ...rows,
    'Programs, by the environment:',
    ...programs,
    '  KEEP                     any value: logs are kept',
    '',
  ].join('\n');
}

/** Runs the scenarios that are named, or all that can be, each in a place of its own. */
async function main(names: string[]): Promise<number> {
  if (names.includes('--help')) {
    process.stdout.write(help());
    return 0;
  }
  const unknown = names.find((name) => !Object.hasOwn(scenarios, name));
  if (unknown !== undefined) {
    process.stderr.write(`there is no scenario ${JSON.stringify(unknown)}\n${help()}`);
    return 1;
  }
  const missing = new Map<string, ProgramName[]>();
  let failed = 0;
  for (const [name, { needs }] of Object.entries(scenarios)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const missed = needs.filter((program) => !find(program));
    if (missed.length > 0) missing.set(name, missed);
    else if (!(await ranWell(name))) failed += 1;
  }
  const wanted = [...new Set([...missing.values()].flat())];
  for (const [name, missed] of missing)
    process.stdout.write(`not run: ${name}, for want of ${missed.join(', ')}\n`);
  for (const program of wanted)
    process.stdout.write(`  ${program.padEnd(24)} set it to the path of ${PROGRAMS[program]}\n`);
  return failed > 0 ||
    (names.length > 0 && missing.size > 0) ||
    missing.size === Object.keys(scenarios).length
    ? 1
    : 0;
}

/** Runs a scenario in a place of its own; its folder goes when nothing is mounted from it any more. */
async function ranWell(name: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-kubernetes-'));
  try {
    return (await inOwnPlace(import.meta.filename, ['--in-place', name, folder])) === 0;
  } finally {
    if (process.env['KEEP'] === undefined) rmSync(folder, { recursive: true, force: true });
    else process.stdout.write(`logs are kept in ${folder}\n`);
  }
}

/** One scenario, within its namespaces. */
async function inPlace(name: string, folder: string): Promise<number> {
  const rows = await scenarios[name]!.run(folder);
  process.stdout.write(`\n${rows.map(line).join('\n')}\n`);
  const failed = rows.filter(({ failure }) => failure !== undefined).length;
  process.stdout.write(`${name}: ${rows.length - failed} steps well, ${failed} not\n\n`);
  return failed > 0 ? 1 : 0;
}

const [first = '', name = '', folder = ''] = process.argv.slice(2);
process.exitCode = first === '--in-place' ? await inPlace(name, folder) : await main(process.argv.slice(2));
