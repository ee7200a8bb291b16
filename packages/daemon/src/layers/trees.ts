import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { BerthError, invalidParameter, unsupported } from '../base/errors.ts';
import { decompressed } from './adding/compression.ts';
import type { Trees } from './api.ts';
import { fed } from './feeding.ts';
import type { Helper } from './helper.ts';
import { reported } from './reading.ts';

/** The errors that an archive's own entries make: they lead out of the folder, or stand in each other's way. */
const OF_ARCHIVE =
  / is outside of "|: (no such file or directory|is a directory|not a directory|file exists|invalid argument|too many levels of symbolic links)$/;

/** Trees of files on the host, by way of helpers that name nothing by text but the folder they are given. */
export function openTrees(helper: Helper): Trees {
  return {
    async remove(path) {
      try {
        await rm(path, { recursive: true, force: true });
      } catch {
        // By their paths the files cannot be reached (one is longer than the kernel takes) or not removed (immutable ones).
        await helper.run('empty', { folder: path });
        await rm(path, { recursive: true, force: true });
      }
    },

    async export(path) {
      return (await reported(helper.start('volume', { op: 'export', path }, [], ['ignore', 'pipe']))).tar;
    },

    async import(path: string, tar: Readable, signal?: AbortSignal) {
      signal?.throwIfAborted();
      const body = await decompressed(tar);
      const run = helper.start<object>('volume', { op: 'import', path }, [], ['pipe', 'ignore']);
      try {
        await fed(run, body, signal);
      } catch (error) {
        // The archive's fault, and not the host's.
        if (error instanceof BerthError && OF_ARCHIVE.test(error.message))
          throw invalidParameter(error.message, error);
        throw error;
      }
    },

    async clone(from, path, { always, signal }) {
      signal?.throwIfAborted();
      const words = { op: 'clone', from, path, reflink: always ? 'always' : 'auto' };
      const run = helper.start<{ shared: number; copied: number }>('volume', words, [], ['ignore', 'ignore']);
      const abort = () => run.child.kill('SIGKILL');
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return await run.report;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof BerthError && error.code === 'reflink') throw unsupported(error.message, error);
        throw error;
      } finally {
        signal?.removeEventListener('abort', abort);
        await run.ended;
      }
    },
  };
}
