import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { patience } from './wait.ts';

/** The result of a program. */
export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  cwd?: string;
  env?: Record<string, string>;
  /** In milliseconds. */
  timeout?: number;
}

/**
 * Runs a program that finds the daemon at `host` in its environment, and its own configuration in `folder`.
 * @throws when it did not end by itself
 */
export function runProgram(
  { host, folder }: { host: string; folder: string },
  command: string,
  args: string[],
  options: RunOptions,
): Ran {
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    input: options.input ?? '',
    cwd: options.cwd ?? folder,
    timeout: (options.timeout ?? 60_000) * patience(),
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      DOCKER_HOST: host,
      BERTH_HOST: host,
      DOCKER_CONFIG: config,
      DOCKER_CLI_HINTS: 'false',
      HOME: folder,
      ...options.env,
    },
  });
  if (result.error && result.status === null)
    throw new Error(
      `${command} ${args.join(' ')}: ${result.error.message}\n${result.stdout}\n${result.stderr}`,
    );
  return { status: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
}
