import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { CliError, messageOf } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import { writeToStdout } from './files.ts';

/**
 * Checks, before the daemon is asked, that an archive has a place to go: a file of `-o`, or an output that is no terminal.
 * `what` is what cannot be done otherwise. Throws CliError with Docker's reason.
 */
export function checkOutput(output: string, stdoutIsTerminal: boolean, what: string): void {
  if (!output) {
    if (stdoutIsTerminal)
      throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    return;
  }
  try {
    checkOutputPath(output);
  } catch (error) {
    throw new CliError(`failed to ${what}: ${messageOf(error)}`);
  }
}

function checkOutputPath(path: string): void {
  const folder = dirname(normalize(path));
  try {
    statSync(folder);
  } catch {
    throw new CliError(`invalid output path: directory ${JSON.stringify(folder)} does not exist`);
  }
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isCharacterDevice() || status?.isBlockDevice())
    throw new CliError(
      `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
    );
}

/** Writes an archive to where `checkOutput` found a place for it. */
export function writeArchive(cli: Cli, output: string, body: AsyncIterable<Buffer>): Promise<void> {
  return output ? writeToFile(output, body) : writeToStdout(cli, body);
}

/** Writes a stream to a file: aside at first, so that what breaks off leaves no half of a file. */
async function writeToFile(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const aside = join(dirname(path), `.berth_temp_${process.pid}_${Date.now()}`);
  const cleanUp = (): void => rmSync(aside, { force: true });
  const onSignal = (): void => {
    cleanUp();
    process.exit(130);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  let fd: number | undefined;
  try {
    fd = openSync(aside, 'wx', 0o600);
    for await (const chunk of body) {
      let rest = chunk;
      while (rest.length) rest = rest.subarray(writeSync(fd, rest));
    }
    closeSync(fd);
    fd = undefined;
    renameSync(aside, path);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    cleanUp();
    throw error instanceof CliError ? error : new CliError(messageOf(error));
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}
