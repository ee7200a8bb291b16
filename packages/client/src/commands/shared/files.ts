import { closeSync, constants, createReadStream, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import type { Cli } from '../../cli/cli.ts';
import { CliError } from '../../cli/errors.ts';

/** Why a file could not be used, in the words of the C library. */
export function whyNot(error: unknown): string {
  const words: Record<string, string> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    ENOTDIR: 'not a directory',
    EISDIR: 'is a directory',
    EROFS: 'read-only file system',
    ENOSPC: 'no space left on device',
    ELOOP: 'too many levels of symbolic links',
  };
  const { code, message } = error as NodeJS.ErrnoException;
  return words[code ?? ''] ?? message;
}

/** Opens a file for reading at once, so that a missing one is known before the daemon is asked. Throws CliError. */
export function readFileStream(path: string): AsyncIterable<Buffer> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new CliError(`open ${path}: ${whyNot(error)}`);
  }
  if (fstatSync(fd).isDirectory()) {
    closeSync(fd);
    throw new CliError(`read ${path}: is a directory`);
  }
  return createReadStream('', { fd, highWaterMark: 1 << 18 });
}

/** Standard input as bytes. */
export const stdinStream = (): AsyncIterable<Buffer> => process.stdin as AsyncIterable<Buffer>;

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** Checks that an output file can be made at `path`. Throws CliError with Docker's reason after `what`. */
export function checkOutputPath(path: string, what: string): void {
  const folder = dirname(normalize(path));
  if (folder !== '' && folder !== '.' && !statOf(folder))
    throw new CliError(`${what}: invalid output path: directory ${JSON.stringify(folder)} does not exist`);
  const found = statOf(path);
  if (!found || found.isDirectory() || found.isFile()) return;
  const kind = found.isCharacterDevice() || found.isBlockDevice() ? 'device' : 'irregular file';
  throw new CliError(
    `${what}: invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a ${kind}`,
  );
}

/** Writes a stream to a file that appears, whole, only when the stream has ended well. */
export async function saveToFile(path: string, body: AsyncIterable<Buffer>): Promise<void> {
  const aside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    const file = await open(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      for await (const chunk of body)
        for (let rest = chunk; rest.length; ) rest = rest.subarray((await file.write(rest)).bytesWritten);
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    if (error instanceof CliError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw code && syscall ? new CliError(`${syscall} ${path}: ${whyNot(error)}`) : error;
  }
}

/** Writes a stream to standard output as fast as its reader takes it. */
export async function writeToStdout(cli: Cli, body: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of body) await cli.out.writeAll(chunk);
}
