// Programs of Docker's API beside dockerd and Berth; `npm run clients -- --help` says how.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { CommandLine } from '../lab/command-line.ts';
import { differences } from '../lab/compare.ts';
import { berthd, Lab } from '../lab/lab.ts';
import { CLIENTS, type Client } from './clients.ts';
import { reasonFor } from './reasons.ts';
import { linesOf, readSteps, type Step } from './results.ts';

const HELP = `npm run clients [-- [--dockerd PATH] [--excused] [NAME ...]]

Runs one scenario of each client against a dockerd and against Berth, at the same time, each engine on a host of its own,
and compares what the client got step by step. Differences that are meant stand with their reason in reasons.ts; any other
one fails, and so does a scenario that does not come to its end on dockerd.

  NAME        clients, or beginnings of their names; without one all of them, and the table is written to TABLE.md
  --dockerd   another dockerd than /usr/sbin/dockerd; its docker-proxy stands beside it
  --excused   also prints the differences that are meant, each with its reason

Programs that neither Debian nor npm has are taken from the paths in these variables:
${CLIENTS.filter(({ path }) => path)
  .map(({ name, path }) => `  ${path!.padEnd(18)} ${name}`)
  .join('\n')}`;

const SCENARIO_MS = 120_000;
const INTERPRETERS: Record<string, string> = {
  '.py': '/usr/bin/python3 -u',
  '.ts': `${process.execPath} --disable-warning=ExperimentalWarning`,
  '.sh': 'bash',
};

const commandLine = new CommandLine(HELP);
const listing = commandLine.flag('--excused');
const dockerd = commandLine.option('--dockerd') ?? '/usr/sbin/dockerd';
const picked = CLIENTS.filter(({ name }) => commandLine.picks(name));
if (picked.length === 0) {
  console.error(`no such client; there are ${CLIENTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

/** A row of the table. */
interface Row {
  client: Client;
  version: string;
  steps: number;
  excused: number;
  unlisted: number;
  note: string;
}

/** The scenario beside one engine: its steps and what it printed, whose last line tells how it ended. */
async function play(lab: Lab, client: Client, version: string): Promise<{ steps: Step[]; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  const file = join(folder, 'steps');
  writeFileSync(file, '');
  try {
    const script = join(import.meta.dirname, 'scenarios', client.scenario);
    const output = await lab.script({
      text: `exec ${INTERPRETERS[extname(script)]} ${script}\n`,
      ms: client.ms ?? SCENARIO_MS,
      docker: '/usr/bin/docker',
      env: {
        STEPS: file,
        SCENARIOS: join(import.meta.dirname, 'scenarios'),
        NODE: process.execPath,
        DEVCONTAINER: createRequire(import.meta.url).resolve('@devcontainers/cli/devcontainer.js'),
        DOCKER_API_VERSION: version,
        HOME: folder,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    return {
      steps: readSteps(readFileSync(file, 'utf8'), [
        [lab.folder, '<LAB>'],
        [folder, '<HOME>'],
      ]),
      output,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(labs: Lab[], client: Client, api: string): Promise<Row> {
  const row: Row = { client, version: '', steps: 0, excused: 0, unlisted: 0, note: '' };
  const program = client.path && process.env[client.path];
  if (client.path && !(program && existsSync(program)))
    return { ...row, note: `not run: ${client.path} names no program` };
  const [docker, berth] = await Promise.all(labs.map((lab) => play(lab, client, api)));
  await Promise.all(labs.map((lab) => lab.clear()));
  const first = docker!.steps;
  const second = new Map(berth!.steps.map(({ name, value }) => [name, value]));
  row.version = String(first.find(({ name }) => name === 'client')?.value ?? '');
  row.steps = first.length;
  for (const [engine, { output }] of [
    ['dockerd', docker!],
    ['Berth', berth!],
  ] as const) {
    if (/\[exit 0\]\n$/.test(output)) continue;
    row.unlisted++;
    console.log(`BROKEN ${client.name} beside ${engine}`);
    console.log(
      output
        .split('\n')
        .slice(-25)
        .map((line) => `   ${line.slice(0, 400)}`)
        .join('\n'),
    );
  }
  for (const { name, value } of first) {
    const title = `${client.name}: ${name}`;
    const lines = second.has(name)
      ? differences(linesOf(value), linesOf(second.get(name)))
      : ['- the step was reached'];
    const left = lines
      .filter((line) => /^[-+] /.test(line))
      .filter((line) => {
        const reason = reasonFor(title, line);
        if (reason && listing) console.log(`${title}\n   ${line.slice(0, 200)}\n   ${reason}`);
        if (reason) row.excused++;
        return !reason;
      });
    if (left.length === 0) continue;
    row.unlisted += left.length;
    console.log(`DIFFERS ${title}`);
    for (const line of left.slice(0, 60)) console.log(`   ${line.slice(0, 400)}`);
  }
  return row;
}

/** The table in the form of Markdown. */
function table(rows: Row[], engines: string): string {
  const line = (cells: Array<string | number>) => `| ${cells.join(' | ')} |`;
  return [
    line(['client', 'version', 'what it does', 'steps', 'differences with a reason', 'without']),
    line(['---', '---', '---', '--:', '--:', '--:']),
    ...rows.map(({ client, version, steps, excused, unlisted, note }) =>
      note
        ? line([client.name, '', client.does, note, '', ''])
        : line([client.name, version, client.does, steps, excused, unlisted]),
    ),
    '',
    engines,
    '',
  ].join('\n');
}

const labs = [new Lab('docker', dockerd), new Lab('berth', berthd())];
const rows: Row[] = [];
let engines = '';
try {
  await Promise.all(labs.map((lab) => lab.start()));
  const ranges = await Promise.all(labs.map((lab) => lab.versions()));
  const api = `1.${Math.min(...ranges.map(({ most }) => most))}`;
  engines = `Beside dockerd ${ranges[0]!.engine}, at API ${api} where the client takes a version.`;
  for (const client of picked) {
    const start = Date.now();
    const row = await compare(labs, client, api);
    rows.push(row);
    const seconds = ((Date.now() - start) / 1000).toFixed(0);
    console.log(
      row.note
        ? `${client.name}: ${row.note}`
        : `${client.name}: ${row.steps} steps, ${row.excused} lines of difference with a reason, ${row.unlisted} without (${seconds} s)`,
    );
  }
} finally {
  await Promise.all(labs.map((lab) => lab.stop()));
}
const text = table(rows, engines);
console.log(`\n${text}`);
if (commandLine.picksAll)
  writeFileSync(join(import.meta.dirname, 'TABLE.md'), `# Clients beside dockerd and Berth\n\n${text}`);
process.exitCode = rows.some(({ unlisted }) => unlisted > 0) ? 1 : 0;
