import { LaunchError } from '@berth/native';
import { BerthError, invalidParameter, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { describeLaunchError } from '../../runtime/index.ts';

const CREATE_FAILED = 'failed to create task for container: ';

/** A failed start as State keeps it: the exit code, and the error for the caller. */
export interface StartFailure {
  exitCode: number;
  error: BerthError;
}

/** How a failed start is told: dockerd's words, its exit codes (127 not found, 126 not to be run, 128 anything else). */
export function startFailure(error: unknown): StartFailure {
  if (error instanceof LaunchError) {
    const text = describeLaunchError(error, 'start');
    const { stage, step, errno } = error;
    log.debug({ stage, step, errno }, `a container's set-up failed: ${error.message}`);
    // The container whose namespace was to be joined has gone: nothing of the request is wrong, whatever the kernel's word for it.
    if (stage === 'namespace') return { exitCode: 128, error: systemError(text, error) };
    return told(systemError(text, error), text);
  }
  const known = error instanceof BerthError ? error : systemError((error as Error).message, error);
  return told(known, known.message);
}

/** The exit code, by the words of an error that the runtime had; one from elsewhere has 128. */
function told(error: BerthError, text: string): StartFailure {
  if (!text.startsWith(CREATE_FAILED)) return { exitCode: 128, error };
  // A file where a folder should be counts as nothing there, in a command's path and under a mount.
  if (
    /executable file not found|no such file or directory|system cannot find the file specified|not a directory/i.test(
      text,
    )
  )
    return { exitCode: 127, error: invalidParameter(text, error) };
  if (/permission denied|is a directory/i.test(text))
    return { exitCode: 126, error: invalidParameter(text, error) };
  return { exitCode: 128, error };
}
