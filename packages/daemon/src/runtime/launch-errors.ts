import type { LaunchError } from '@berth/native';

const ENOTDIR = 20;
const EACCES = 13;
const EPERM = 1;
const EISDIR = 21;

const SUFFIX_MOUNT =
  ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

/** Stages that runc reports as they are, not as a failure of the container's set-up. */
const BARE_STAGES = new Set(['exec', 'cwd', 'start', 'launch', 'oom-score-adj']);

/**
 * A failed start or exec in dockerd's words, which clients look into for their own exit codes (127: not found, 126: can't
 * be run).
 */
export function describeLaunchError(error: LaunchError, what: 'start' | 'exec'): string {
  // The daemon itself looks users up, so no runtime's name is in front.
  if (error.stage === 'user') return error.message;
  if (error.stage === 'cwd' && error.message.startsWith('Cannot mkdir: ')) return error.message;
  // Another runtime says it in its own words.
  if (error.stage === 'runtime')
    return what === 'start'
      ? `failed to create task for container: failed to create shim task: OCI runtime create failed: ${error.message}: unknown`
      : `OCI runtime exec failed: ${error.message}: unknown`;
  const stage =
    BARE_STAGES.has(error.stage) ||
    error.message.startsWith('unable to apply cgroup configuration') ||
    what === 'exec'
      ? ''
      : 'error during container init: ';
  const prefix =
    what === 'start'
      ? 'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed'
      : 'OCI runtime exec failed: exec failed';
  return `${prefix}: unable to start container process: ${stage}${error.message}: unknown${suffix(error)}`;
}

/** dockerd adds what it makes of the reason. */
function suffix({ errno, message }: LaunchError): string {
  if (errno === EISDIR && message.endsWith('is a directory')) return ': permission denied';
  if (errno === ENOTDIR && message.endsWith('not a directory')) return SUFFIX_MOUNT;
  return '';
}

/** The exit code that Docker gives a container whose start failed so, or an exec. */
export function launchExitCode(error: LaunchError, what: 'start' | 'exec' = 'start'): number {
  if (error.stage === 'runtime' && /permission denied|is a directory/i.test(error.message)) return 126;
  if (what === 'exec' && [EACCES, EISDIR].includes(error.errno)) return 126;
  if (what === 'exec' && error.errno === ENOTDIR) return 127;
  if (/executable file not found|no such file or directory/i.test(error.message)) return 127;
  if ([EACCES, EPERM, EISDIR, ENOTDIR].includes(error.errno) && ['exec', 'mount'].includes(error.stage))
    return 126;
  return 128;
}
