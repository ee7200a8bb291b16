import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import { CliError } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';

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

/** Writes a stream to standard output as fast as its reader takes it. */
export async function writeToStdout(cli: Cli, body: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of body) await cli.out.writeAll(chunk);
}
