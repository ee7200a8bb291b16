import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../support/daemon.ts';
import { Registry } from '../support/registry.ts';
import { namingOwn, PAUSE, REGISTRIES, serveImages } from './critest-images.ts';
import { criDaemon, endpoint, leave } from './node.ts';
import { CGROUP, furnish, Program } from './place.ts';
import { need } from './programs.ts';
import { type Row, Table } from './table.ts';

/** Minutes that the specs may take. */
const PATIENCE = 30;

/** The outcome that is expected of each spec, by its name: `specs.json`. */
interface Expected {
  passed: string[];
  skipped: string[];
  /** Specs that fail for the images that stand in for critest's own; any result of theirs will do. */
  images: string[];
  /** Specs that fail through cri-dockerd with dockerd too: most read the log in the interface's format, and find dockerd's. */
  adapter: string[];
}

type Outcome = 'passed' | 'failed' | 'skipped';

/** One suite of ginkgo's report. */
interface Report {
  SpecReports: Array<{
    ContainerHierarchyTexts: string[] | null;
    LeafNodeType: string;
    LeafNodeText: string;
    State: string;
    Failure?: { Message?: string };
  }>;
}

/** Runs critest on an endpoint, with the digest of the image that it names by one; what each spec came to. Its output is in `critest.log`. @throws Error */
async function run(folder: string, runtime: string, digest: string): Promise<Map<string, [Outcome, string]>> {
  const report = join(folder, 'critest.json');
  const child = new Program(folder, 'critest', namingOwn(need('CRITEST'), digest, folder), [
    `--runtime-endpoint=${runtime}`,
    `--image-endpoint=${runtime}`,
    '--ginkgo.no-color',
    `--ginkgo.json-report=${report}`,
    ...(process.env['FOCUS'] ? [`--ginkgo.focus=${process.env['FOCUS']}`] : []),
  ]);
  await until('critest to end', () => child.ended, PATIENCE * 60_000);
  if (!existsSync(report)) throw new Error(`critest made no report: ${readFileSync(child.log, 'utf8')}`);
  const outcomes = new Map<string, [Outcome, string]>();
  for (const { SpecReports } of JSON.parse(readFileSync(report, 'utf8')) as Report[])
    for (const spec of SpecReports) {
      if (spec.LeafNodeType !== 'It') continue;
      const name = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ');
      const outcome = spec.State === 'passed' || spec.State === 'skipped' ? spec.State : 'failed';
      outcomes.set(name, [outcome, spec.Failure?.Message ?? '']);
    }
  return outcomes;
}

/** Holds what came of the specs to what is expected of them. */
async function judge(table: Table, place: 'cri' | 'cri-dockerd', outcomes: Map<string, [Outcome, string]>) {
  const file = join(import.meta.dirname, 'specs.json');
  const { [place]: expected } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Expected>;
  const { passed = [], skipped = [], images = [], adapter = [] } = expected ?? {};
  for (const [name, [outcome, failure]] of outcomes) {
    if (outcome === 'passed' && passed.includes(name)) continue;
    if (outcome === 'skipped' && (skipped.includes(name) || process.env['FOCUS'])) continue;
    await table.step(name, () => {
      if (outcome === 'failed' && ![...images, ...adapter].includes(name))
        throw new Error(failure.slice(0, 300));
      if (outcome === 'skipped' && passed.includes(name)) throw new Error(`it was skipped: ${failure}`);
    });
  }
  const count = (wanted: Outcome) => [...outcomes.values()].filter(([outcome]) => outcome === wanted).length;
  process.stdout.write(
    `${count('passed')} specs passed, ${count('failed')} failed, ${count('skipped')} were skipped\n`,
  );
  await table.step('each spec that is expected to pass has run', () => {
    const missing = passed.filter((name) => !outcomes.has(name));
    if (missing.length > 0) throw new Error(missing.join('\n'));
  });
}

const INSECURE = REGISTRIES.flatMap((name) => ['--insecure-registry', name]);

/** A node on which the registries of critest's images are one of ours. */
async function ownRegistries(folder: string): Promise<Registry> {
  furnish(folder);
  appendFileSync('/etc/hosts', `127.0.0.1 ${REGISTRIES.join(' ')}\n`);
  return Registry.start(join(folder, 'registry'), undefined, 80);
}

/** The conformance tests of the interface, on this engine's own. */
export async function critest(folder: string): Promise<Row[]> {
  const table = new Table('critest');
  const registry = await ownRegistries(folder);
  const daemon = criDaemon();
  daemon.extra.push(...INSECURE);
  try {
    await daemon.up();
    const digest = await serveImages(daemon, folder);
    await judge(table, 'cri', await run(folder, endpoint(daemon), digest));
  } finally {
    await leave(daemon, registry);
  }
  return table.rows;
}

/** The same through cri-dockerd, which speaks the API of Docker. */
export async function critestOfDockerd(folder: string): Promise<Row[]> {
  const table = new Table('cri-dockerd');
  const registry = await ownRegistries(folder);
  const daemon = new TestDaemon(['--cgroup-parent', `/${CGROUP}`, ...INSECURE]);
  let adapter: Program | undefined;
  try {
    await daemon.up();
    const digest = await serveImages(daemon, folder);
    const docker = process.env['OTHER_DOCKER_HOST'] ?? daemon.host;
    const socket = join(folder, 'cri-dockerd.sock');
    adapter = new Program(folder, 'cri-dockerd', need('CRI_DOCKERD'), [
      `--docker-endpoint=${docker}`,
      `--container-runtime-endpoint=unix://${socket}`,
      `--cri-dockerd-root-directory=${join(folder, 'cri-dockerd')}`,
      '--network-plugin=',
      `--pod-infra-container-image=${PAUSE}`,
    ]);
    await until('cri-dockerd to answer', () => existsSync(socket));
    await judge(table, 'cri-dockerd', await run(folder, `unix://${socket}`, digest));
  } finally {
    await adapter?.end();
    await leave(daemon, registry);
  }
  return table.rows;
}
