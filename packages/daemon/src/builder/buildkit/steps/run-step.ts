import { BerthError, invalidParameter } from '../../../base/errors.ts';
import type { BuildArguments } from '../../../dockerfile/arguments.ts';
import { parseError } from '../../../dockerfile/errors.ts';
import { locate } from '../../../dockerfile/location.ts';
import { type Mounts, parseMount } from '../../../dockerfile/mounts.ts';
import { expandWord } from '../../../dockerfile/words.ts';
import { missingEntitlement } from '../../entitlements.ts';
import { historyEntry, parseUlimit, runCommand } from '../instructions.ts';
import { missingSource } from './missing.ts';
import { MissingInCache } from './prepared-mounts.ts';
import { type Build, type Step, snapshotOf, stepUses } from './step.ts';

/** Programs look for a proxy by either case of its name. */
function withBothCases(variables: ReturnType<BuildArguments['forRun']>): string[] {
  const values = new Map<string, string>();
  for (const [name, value] of variables) {
    if (/^(https?|ftp|no|all)_proxy$/i.test(name))
      for (const other of [name.toUpperCase(), name.toLowerCase()]) values.set(other, value);
  }
  for (const [name, value] of variables) values.set(name, value);
  return [...values].map(([name, value]) => `${name}=${value}`);
}

/**
 * The text of a step whose mounts could not be made, and the error that the build ends with; undefined where another
 * step, of a stage or an image, has told it.
 */
function mountFailure(
  error: Error,
  title: string,
  command: string[],
): { message: string; failure: Error } | undefined {
  if (error instanceof MissingInCache) {
    const message = `process ${JSON.stringify(command.join(' '))} did not complete successfully: ${error.message}`;
    return { message, failure: new BerthError('system', message, { cause: error }) };
  }
  if (/^(secret|unset ssh)/.test(error.message)) return { message: error.message, failure: error };
  const message = missingSource(error, title);
  if (message === undefined) return undefined;
  const failure = new BerthError('not-found', `failed to compute cache key: ${message}`, { cause: error });
  return { message, failure };
}

/** RUN: a command in the stage's root, with what it mounts. */
export async function runStep(build: Build, step: Step, args: BuildArguments): Promise<void> {
  const { options } = build;
  const { instruction, stage, state, lookup, title } = step;
  const { solver, session, signal } = options;
  const mounts: Mounts[] = [];
  let security = 'sandbox';
  let network = (options.attributes['force-network-mode'] || 'default') as string;
  for (const flag of instruction.flags) {
    if (flag.name === 'mount')
      mounts.push(
        parseMount(flag.value, state.config.WorkingDir || '/', (text) =>
          expandWord(text, lookup, build.dockerfile.escape),
        ),
      );
    else if (flag.name === 'network') network = flag.value;
    else if (flag.name === 'security') security = flag.value;
    else throw parseError(instruction.line, `unknown flag: --${flag.name}`);
  }
  if (!['default', 'none', 'host', ''].includes(network))
    throw parseError(instruction.line, `invalid network mode: ${JSON.stringify(network)}`);
  // For the Dockerfile's own steps this was checked before anything ran; an image's ONBUILD triggers are checked here.
  const missing = missingEntitlement([{ instructions: [instruction] }], network, options.entitlements);
  if (missing) throw new BerthError('forbidden', `${missing} is not allowed`);
  const { command, program } = runCommand(instruction, state.config);
  if (command.length === 0)
    throw locate(invalidParameter('failed to marshal LLB definition: arguments are required'), null);
  const names = new Set((state.config.Env ?? []).map((entry) => entry.split('=')[0]!));
  const extra = args.forRun(names);
  const declared = args.order.map((name) => `${name}=${lookup(name) ?? ''}`);
  const env = [...(state.config.Env ?? []), ...withBothCases(extra)];
  if (!names.has('PATH')) env.push('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  if (program) options.progress.vertex('[internal] preparing inline document').start().done();
  if (mounts.some(({ type, attributes }) => type === 'cache' && attributes))
    options.progress.vertex('[internal] settings cache mount permissions').start().done();
  const preparing = solver.mounts(mounts, program, {
    session,
    context: () => build.context.files(),
    named: (name) => build.context.named(name),
    stage: (name) => snapshotOf(build, name, stage).catch((error) => Promise.reject(locate(error, null))),
    folder: options.folder,
    fresh: !stepUses(options, stage).cache,
    signal,
  });
  const prepared = await preparing.catch((error: Error) => {
    const told = mountFailure(error, title, command);
    if (told) options.progress.vertex(title).start().done({ error: told.message });
    throw told?.failure ?? error;
  });
  try {
    state.snapshot = await solver.run(state.snapshot, {
      config: state.config,
      command,
      shown: command,
      env: [...env, ...prepared.env],
      keyEnv: [...env.filter((entry) => !/^(https?|ftp|no|all)_proxy=/i.test(entry))],
      mounts: prepared,
      network: (network || 'default') as 'default' | 'none' | 'host',
      privileged: security === 'insecure',
      extraHosts: (options.attributes['add-hosts'] ?? '')
        .split(',')
        .filter(Boolean)
        .map((entry) => entry.replace('=', ':')),
      hostname: options.attributes['hostname'] || 'buildkitsandbox',
      shmSize: Number(options.attributes['shm-size'] ?? 0) || 64 << 20,
      ulimits: (options.attributes['ulimit'] ?? '').split(',').filter(Boolean).map(parseUlimit),
      cgroupParent: options.attributes['cgroup-parent'] ?? '',
      vertex: options.progress.vertex(title),
      ...stepUses(options, stage),
    });
  } finally {
    await prepared.release();
  }
  const prefix = declared.length > 0 ? `|${declared.length} ${declared.join(' ')} ` : '';
  state.history.push(historyEntry(`RUN ${prefix}${command.join(' ')} # buildkit`, state.snapshot));
}
