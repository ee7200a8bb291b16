// Berth beside dockerd, request by request and command by command; `npm run golden -- --help` says how.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandLine } from '../lab/command-line.ts';
import { differences } from '../lab/compare.ts';
import { berthd, Lab } from '../lab/lab.ts';
import { normaliseOutput } from '../lab/normalise.ts';
import { scenarios } from './api/index.ts';
import type { Scenario } from './api/scenario.ts';
import { excuse } from './excuses.ts';
import { observe } from './observe.ts';

const HELP = `npm run golden [-- [--dockerd PATH] [--api 24,44] [PATTERN ...]]

Runs the same requests (api/) and docker commands (cli/) against a dockerd and against Berth, each on a host of its own,
and prints what differs after ids, times and addresses are replaced. Differences that are meant stand with their reason
in excuses.ts; any other one fails.

  PATTERN    names of cases, or their beginnings: api/containers, cli/logs:details, cli
  --api      minor numbers of the API's versions; without it 24, 40, 44, 47, 51 and 52, as far as both engines have them
  --excused  also prints the differences that are meant, each with its reason
  --dockerd  another dockerd than /usr/sbin/dockerd; its docker-proxy stands beside it
  --docker   another client than /usr/bin/docker. Berth answers an older client as dockerd of its time did, so commands
             are compared only where the client is as new as dockerd`;

/** Versions of the API that are compared, by their minor number. */
const VERSIONS = [24, 40, 44, 47, 51, 52];
/** Milliseconds that a case of commands may take. */
const CASE_MS = 240_000;
const LIB = join(import.meta.dirname, 'cli', 'lib.bash');

const commandLine = new CommandLine(HELP);
const listing = commandLine.flag('--excused');
const dockerd = commandLine.option('--dockerd') ?? '/usr/sbin/dockerd';
const docker = commandLine.option('--docker') ?? '/usr/bin/docker';
const asked = commandLine.option('--api')?.split(',').map(Number) ?? VERSIONS;

/** The version of dockerd. */
let engine = '';
let compared = 0;
let excused = 0;
let unlisted = 0;

/** Prints what of a case differs and nobody excused. */
function report(name: string, lines: string[]): void {
  const differing = (line: string) => /^[-+] /.test(line);
  if (listing)
    for (const line of lines) {
      const reason = differing(line) && excuse(engine, name, line, lines);
      if (reason) console.log(`${name}\n   ${line.slice(0, 200)}\n   ${reason}`);
    }
  compared++;
  const left = lines.filter((line) => !differing(line) || !excuse(engine, name, line, lines));
  const count = left.filter(differing).length;
  excused += lines.filter(differing).length - count;
  if (count === 0) return;
  unlisted += count;
  console.log(`DIFFERS ${name}`);
  for (const line of left.slice(0, 80)) console.log(`   ${line.slice(0, 400)}`);
}

async function compareScenario(labs: Lab[], version: number, scenario: Scenario): Promise<void> {
  const name = `api/${scenario.name}@1.${version}`;
  const seen = await Promise.all(labs.map((lab) => observe(lab, version, scenario)));
  await Promise.all(labs.map((lab) => lab.clear()));
  seen[0]!.forEach((step, index) => {
    report(`${name} ${step.title}`, differences(step.lines, seen[1]![index]!.lines));
  });
}

/** Cases of a file: what follows a line `#@ NAME`, after what stands before the first. */
function cases(file: string): Array<[name: string, text: string]> {
  const [before = '', ...parts] = readFileSync(file, 'utf8').split(/^#@ /m);
  return parts.map((part) => {
    const end = part.indexOf('\n');
    return [part.slice(0, end).trim(), `. "$LIB"\n${before}${part.slice(end + 1)}`];
  });
}

async function compareCommands(labs: Lab[], name: string, text: string, prefix: string): Promise<void> {
  const seen = await Promise.all(
    labs.map((lab) => lab.script({ text, ms: CASE_MS, docker, env: { T: prefix, LIB } })),
  );
  await Promise.all(labs.map((lab) => lab.clear()));
  report(name, differences(normaliseOutput(seen[0]!, prefix), normaliseOutput(seen[1]!, prefix)));
}

const labs = [new Lab('docker', dockerd), new Lab('berth', berthd())];
try {
  await Promise.all(labs.map((lab) => lab.start()));
  const ranges = await Promise.all(labs.map((lab) => lab.versions()));
  engine = ranges[0]!.engine;
  const versions = asked.filter((minor) =>
    ranges.every(({ least, most }) => minor >= least && minor <= most),
  );
  console.log(`${dockerd} and ${berthd()}, API ${versions.map((minor) => `1.${minor}`).join(', ')}`);
  for (const scenario of scenarios)
    if (commandLine.picks(`api/${scenario.name}`))
      for (const version of versions) await compareScenario(labs, version, scenario);
  const folder = join(import.meta.dirname, 'cli');
  let number = 0;
  const client = Number(
    execFileSync(docker, ['version', '-f', '{{.Client.DefaultAPIVersion}}'], {
      encoding: 'utf8',
      env: { ...process.env, DOCKER_HOST: `unix://${labs[0]!.socket}` },
    }).split('.')[1],
  );
  const comparable = client >= ranges[0]!.most;
  if (!comparable) console.log(`commands are not compared: ${docker} is older than ${dockerd} (--docker)`);
  for (const file of comparable ? readdirSync(folder).filter((name) => name.endsWith('.sh')) : [])
    for (const [title, text] of cases(join(folder, file))) {
      const name = `cli/${file.slice(0, -3)}:${title}`;
      if (commandLine.picks(name)) await compareCommands(labs, name, text, `t${process.pid}x${number++}z`);
    }
} finally {
  await Promise.all(labs.map((lab) => lab.stop()));
}
console.log(`${compared} compared, ${excused} lines of difference with a reason, ${unlisted} without`);
process.exitCode = unlisted > 0 ? 1 : 0;
