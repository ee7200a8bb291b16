// The API against its own document: every operation with parameters and members that are wrong, missing, huge, deep, not
// ASCII, negative. `node e2e/faults/fuzz-api.ts [--seed S] [--requests N] [--ms N] [--only OPERATION]` prints what it found.

import { pathToFileURL } from 'node:url';
import { describedOperations } from '@berth/api-spec';
import { TestDaemon, until } from '../support/daemon.ts';
import { type Finding, Fuzzer } from './fuzz/fuzzer.ts';
import { Random } from './random.ts';

/** Operations that leave HTTP, talk to other hosts, or are not about JSON. */
const LEFT_OUT = new Set([
  'Session',
  'Grpc',
  'ImageSearch',
  'ImagePush',
  'DistributionInspect',
  'SystemAuth',
]);

/**
 * Sends `requests` requests, or as many as go in `ms` milliseconds, the operations by turns, to a daemon of its own.
 * The same seed sends the same requests, as far as the answers allow.
 */
export async function fuzzApi(options: {
  seed: string;
  requests?: number;
  ms?: number;
  only?: string | undefined;
}): Promise<{ findings: Finding[]; requests: number }> {
  const daemon = await TestDaemon.start();
  const fuzzer = new Fuzzer(daemon, new Random(options.seed));
  const operations = [...describedOperations().values()].filter(
    ({ id }) => !LEFT_OUT.has(id) && (options.only === undefined || id === options.only),
  );
  const end = Date.now() + (options.ms ?? Number.POSITIVE_INFINITY);
  let sent = 0;
  try {
    await fuzzer.arrange();
    while (sent < (options.requests ?? Number.POSITIVE_INFINITY) && Date.now() < end) {
      const changed = await fuzzer.one(operations[sent % operations.length]!);
      sent += 1;
      if (changed) await fuzzer.arrange();
    }
    await until('an answer', () => fuzzer.alive(), 10_000);
    for (const line of daemon.held()) fuzzer.findings.push({ operation: 'daemon', request: '', why: line });
  } finally {
    await daemon.dispose().catch(() => undefined);
  }
  return { findings: fuzzer.findings, requests: sent };
}

async function main(): Promise<void> {
  const option = (name: string) => {
    const at = process.argv.indexOf(`--${name}`);
    return at === -1 ? undefined : process.argv[at + 1];
  };
  const seed = option('seed') ?? String(Date.now());
  const { findings, requests } = await fuzzApi({
    seed,
    requests: Number(option('requests') ?? 2000),
    ...(option('ms') !== undefined && { ms: Number(option('ms')) }),
    only: option('only'),
  });
  const kinds = new Map<string, Finding>();
  for (const finding of findings) kinds.set(`${finding.operation} ${finding.why.slice(0, 60)}`, finding);
  for (const { operation, request, why } of kinds.values())
    process.stdout.write(`${operation}\n  ${request}\n  ${why}\n`);
  process.stdout.write(
    `seed ${seed}: ${requests} requests, ${findings.length} findings, ${kinds.size} kinds\n`,
  );
  process.exit(findings.length > 0 ? 1 : 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) void main();
