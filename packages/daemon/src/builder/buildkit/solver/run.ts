import { BerthError } from '../../../base/errors.ts';
import type { ImageRunConfig } from '../../../images/api.ts';
import type { Layer } from '../../../layers/api.ts';
import type { Worker } from '../../worker.ts';
import { hash } from '../hash.ts';
import type { PreparedMounts } from '../steps/prepared-mounts.ts';
import type { StepOptions } from './cached-steps.ts';

/** A RUN whose command is known and whose mounts are on disk. */
export interface RunOptions extends StepOptions {
  config: ImageRunConfig;
  command: string[];
  /** The command as progress and errors show it. */
  shown: string[];
  env: string[];
  /** The variables that are part of the step's key. */
  keyEnv: string[];
  mounts: PreparedMounts;
  network: 'default' | 'none' | 'host';
  privileged: boolean;
  extraHosts: string[];
  hostname: string;
  shmSize: number;
  ulimits: Array<{ Name: string; Soft: number; Hard: number }>;
  cgroupParent: string;
}

/** The key by which caches know a RUN, besides that of what it stands on. */
export function runKey(options: RunOptions): string {
  const { config } = options;
  return hash([
    'RUN',
    options.command,
    options.keyEnv,
    config.User ?? '',
    config.WorkingDir ?? '/',
    options.mounts.key,
    options.network,
    options.extraHosts,
    ...(options.privileged ? ['insecure'] : []),
  ]);
}

/**
 * Runs the command and makes the layer of what it changed; null when nothing did.
 * @throws BerthError with BuildKit's text for another exit code than 0.
 */
export async function runLayer(
  worker: Worker,
  diffIds: string[],
  options: RunOptions,
): Promise<Layer | null> {
  const { vertex } = options;
  // Quoted as Go's %q does it: a script of several lines is told of in one.
  const failed = `process ${JSON.stringify(options.shown.join(' '))} did not complete successfully`;
  const run = worker.run({
    diffIds,
    config: options.config,
    command: options.command,
    env: options.env,
    mounts: options.mounts.mounts,
    network: options.network,
    privileged: options.privileged,
    hostname: options.hostname,
    extraHosts: options.extraHosts,
    shmSize: options.shmSize,
    ulimits: options.ulimits,
    cgroupParent: options.cgroupParent,
    signal: options.signal,
    onOutput: (text, stream) => vertex.log(text, stream === 'stderr' ? 2 : 1),
  });
  const { exitCode, layer } = await run.catch((error: Error) => {
    if (/^unable to find (user|group)/.test(error.message))
      throw new BerthError('system', `${failed}: ${error.message}`, { cause: error });
    if (!error.message.startsWith('exec: ')) throw error;
    // A command that cannot be started fails as one that printed the reason.
    vertex.log(`runc run failed: unable to start container process: ${error.message}\n`, 2);
    return { exitCode: 1, layer: null };
  });
  if (exitCode !== 0) throw new BerthError('system', `${failed}: exit code: ${exitCode}`);
  return layer;
}
