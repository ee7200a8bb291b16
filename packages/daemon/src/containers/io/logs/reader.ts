import { type FileHandle, open, stat } from 'node:fs/promises';
import { Changes } from './changes.ts';
import { BLOCK, closeSource, linesOf, NEWLINE, type Source } from './source.ts';
import { type TranscodeOptions, Transcoder } from './transcode.ts';

/** How long a follower sleeps at most when the kernel tells it of no change, in milliseconds. */
const PATIENCE = 1000;

export interface ReadOptions extends TranscodeOptions {
  /** Lines from the end; negative: all. */
  tail: number;
  follow: boolean;
  /** True while the file may still grow; asked when its end is reached. */
  growing: () => boolean;
  /** The time at which the follower stops whatever comes, in milliseconds since the epoch; Infinity: never. */
  deadline: number;
  signal: AbortSignal;
}

/**
 * The lines of a container's log, oldest first, as the API sends them. `source` is open already and is closed here;
 * `path` is the newest file, which following goes on with over a rotation.
 */
export async function* readSource(
  path: string,
  source: Source,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const transcoder = new Transcoder(options);
  // Who does not follow gets what there is: a container that writes faster than that is read would have no end.
  if (!options.follow && source.end === Number.POSITIVE_INFINITY) source.end = source.size;
  try {
    for (const older of source.before) {
      for await (const block of linesOf(older)) {
        const frames = transcoder.push(block);
        if (frames.length > 0) yield frames;
        if (transcoder.finished) break;
      }
    }
    if (!transcoder.finished && source.file) yield* readFiles(path, source, transcoder, options);
  } finally {
    await closeSource(source);
  }
}

/** The newest file from where `source` begins, and those that follow it after rotations. */
async function* readFiles(
  path: string,
  source: Source,
  transcoder: Transcoder,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const changes = options.follow ? new Changes(path, options.signal) : undefined;
  let rest = Buffer.alloc(0);
  let { offset } = source;
  let buffer = Buffer.allocUnsafe(BLOCK);
  try {
    while (!options.signal.aborted && !transcoder.finished) {
      // Asked before the read: after a "no" nothing more is written, so the read sees all.
      const growing = options.follow && options.growing() && Date.now() < options.deadline;
      const room = Math.min(buffer.length - rest.length, source.end - offset);
      if (room <= 0) return;
      const { bytesRead } = await source.file!.read(buffer, rest.length, room, offset);
      offset += bytesRead;
      if (bytesRead > 0) {
        const filled = buffer.subarray(0, rest.length + bytesRead);
        const whole = filled.lastIndexOf(NEWLINE) + 1;
        if (whole > 0) {
          const frames = transcoder.push(filled.subarray(0, whole));
          if (frames.length > 0) yield frames;
        }
        rest = filled.subarray(whole);
        // The line that is not whole yet is put in front; a line longer than the buffer makes it grow.
        const next = rest.length > buffer.length / 2 ? Buffer.allocUnsafe(buffer.length * 2) : buffer;
        rest.copy(next);
        rest = next.subarray(0, rest.length);
        buffer = next;
        continue;
      }
      const newer = await successor(path, source.file!);
      if (newer) {
        // Lines that were written between the read that met its end and the rotation are still to come.
        if ((await source.file!.stat()).size > offset) {
          await newer.close();
          continue;
        }
        await source.file!.close();
        source.file = newer;
        source.end = Number.POSITIVE_INFINITY;
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!growing) return;
      await changes!.wait(Math.min(PATIENCE, options.deadline - Date.now()));
    }
  } finally {
    changes?.close();
  }
}

/** The file that follows this one after a rotation; undefined while it is the newest. */
async function successor(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const own = await file.stat();
  const isOwn = async (name: string): Promise<boolean | undefined> => {
    const status = await stat(name).catch(() => undefined);
    return status && status.ino === own.ino && status.dev === own.dev;
  };
  if (await isOwn(path)) return undefined;
  let number = 1;
  for (; ; number += 1) {
    const found = await isOwn(`${path}.${number}`);
    if (found === undefined) break;
    if (!found) continue;
    const next = await open(number === 1 ? path : `${path}.${number - 1}`, 'r').catch(() => undefined);
    if (await isOwn(`${path}.${number}`)) return next;
    // Rotated again meanwhile: that was the file after the next.
    await next?.close();
  }
  // Rotated away altogether (or packed): go on with the oldest that is newer, so that no more is missed than is gone.
  const oldest = number === 1 ? path : `${path}.${number - 1}`;
  return (await open(oldest, 'r').catch(() => undefined)) ?? open(path, 'r').catch(() => undefined);
}
