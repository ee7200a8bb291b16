import { type ExecProcess, LaunchError } from '@berth/native';
import { BerthError, conflict, invalidParameter, systemError } from '../../base/errors.ts';
import { describeLaunchError, launchExitCode } from '../../runtime/index.ts';
import type { ExecConfig } from '../api.ts';
import { environment, overlayEnvironment } from '../lifecycle/environment.ts';
import { linkVariables } from '../lifecycle/links.ts';
import { rebuildRequest } from '../lifecycle/start.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';

/** The exit code of an exec that could not be started. */
export const NOT_RUN = 126;

/** A supervisor that does not answer. */
const ETIMEDOUT = 110;

interface ExecuteOptions {
  execId: string;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  detachKeys?: Buffer;
  size?: [number, number];
}

/** Starts a further process in a container. */
export async function execute(
  context: Context,
  container: Container,
  config: ExecConfig,
  { size, ...options }: ExecuteOptions,
): Promise<ExecProcess> {
  const { supervisor, record } = container;
  if (!supervisor) throw conflict(`container ${container.id} is not running`);
  if (config.WorkingDir && !config.WorkingDir.startsWith('/'))
    throw invalidParameter('OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown');
  container.request ??= await rebuildRequest(context, container);
  const variables = new Map(
    environment(
      record,
      record.config.Hostname,
      linkVariables(container, (name) => context.registry.find(name)),
      options.tty,
    ).map((entry) => [entry.split('=', 1)[0]!, entry]),
  );
  overlayEnvironment(variables, config.Env ?? []);
  const asked = {
    args: config.Cmd ?? [],
    env: [...variables.values()],
    cwd: config.WorkingDir || record.config.WorkingDir || '/',
    user: config.User || record.config.User,
    privileged: config.Privileged === true,
    tty: options.tty,
    ...(size && { consoleSize: size }),
  };
  const launch = context.rooms.runtime.compileExec(container.request, asked, supervisor.foreign);
  return supervisor.exec(launch, options);
}

/** The exit code by the reason; 126 for what failed before there was a process. */
export function exitCodeOf(error: unknown): number {
  return error instanceof LaunchError && error.stage !== 'user' ? launchExitCode(error, 'exec') : NOT_RUN;
}

/** The error of an exec that could not be started, in dockerd's words. */
export function execError(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  if (!(error instanceof LaunchError)) return systemError((error as Error).message, error);
  if (error.errno === ETIMEDOUT) return systemError(error.message, error);
  const text = describeLaunchError(error, 'exec');
  return error.stage === 'user' ? systemError(text, error) : invalidParameter(text, error);
}
