import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { buffersPassed } from '../../base/buffers.ts';
import { BerthError, invalidParameter, systemError } from '../../base/errors.ts';
import type { DriverKind } from '../driver.ts';
import type { Helper, Run } from '../helper.ts';
import { compressionOf, HEAD_SIZE, inProcess, peek, programFor } from './compression.ts';

export interface Added {
  diffId: string;
  size: number;
  tarSize: number;
}

/** The folders in which layers are made and kept. */
export interface Places {
  made: string;
  layers: string;
}

export interface AddOptions {
  expected?: string;
  signal?: AbortSignal;
}

/**
 * Has the helper make a layer of a tar in one pass. It stands in `places.layers` afterwards, or is left in `folder`
 * when a layer of that digest was there already. `durable` resolves when it is safe from a power cut, and
 * rejects when the disk does not take it.
 * @throws invalid-parameter for a bad tar or one of another digest than `expected`; the folder is then the caller's to
 * remove (`failed` is told its path, which may be in `places.layers` already)
 */
export async function makeLayer(
  helper: Helper,
  places: Places,
  driver: DriverKind,
  tar: Readable | { path: string },
  options: AddOptions,
  failed: (folder: string) => void,
): Promise<Added & { folder: string; durable: Promise<void> }> {
  // The reader gets the error; a stream that nobody comes to read would end the daemon with it.
  if (isStream(tar)) tar.on('error', () => undefined);
  try {
    options.signal?.throwIfAborted();
    return await makeFrom(helper, places, driver, tar, options, failed);
  } catch (error) {
    if (isStream(tar)) tar.destroy();
    throw error;
  }
}

async function makeFrom(
  helper: Helper,
  places: Places,
  driver: DriverKind,
  tar: Readable | { path: string },
  options: AddOptions,
  failed: (folder: string) => void,
): ReturnType<typeof makeLayer> {
  const folder = join(places.made, randomBytes(12).toString('hex'));
  await mkdir(folder, { mode: 0o700 });
  const { ino } = await stat(folder);
  try {
    const words = {
      driver,
      folder,
      layers: places.layers,
      expected: options.expected?.replace(/^sha256:/, ''),
    };
    const run = await (isStream(tar) ? fromStream(helper, words, tar) : fromFile(helper, words, tar.path));
    const added = await settled(run, options);
    const durable = run.ended.then(() => {
      if (run.child.exitCode !== 0)
        throw systemError(`the layer ${added.diffId} could not be written through to the disk`);
    });
    durable.catch(() => undefined);
    return { ...added, folder, durable };
  } catch (error) {
    failed((await placed(places.layers, ino)) ?? folder);
    throw error;
  }
}

/** The layer that a helper made of the folder with this inode, if it had come as far when it was stopped. */
async function placed(layers: string, ino: number): Promise<string | undefined> {
  for (const name of await readdir(layers).catch(() => [])) {
    const path = join(layers, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.ino === ino) return path;
  }
  return undefined;
}

type Words = Record<string, string | undefined>;

interface Feeding extends Run<Added> {
  /** Rejects when the input broke off; never resolves before the report. */
  fed?: Promise<never>;
  stop?: () => void;
}

async function fromFile(helper: Helper, words: Words, path: string): Promise<Feeding> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_SIZE);
    const { bytesRead } = await file.read(head, 0, HEAD_SIZE, 0);
    const compression = compressionOf(head.subarray(0, bytesRead));
    const command = programFor(compression);
    if (compression === 'none' || command !== null) {
      const { size } = await file.stat();
      return helper.start('add', { ...words, compressed: command ? size : undefined }, command ?? [], [
        file.fd,
        'ignore',
      ]);
    }
  } finally {
    await file.close();
  }
  return fromStream(helper, words, createReadStream(path));
}

async function fromStream(helper: Helper, words: Words, tar: Readable): Promise<Feeding> {
  const { head, body } = await peek(tar);
  const compression = compressionOf(head);
  const command = programFor(compression);
  const engine = compression !== 'none' && command === null ? inProcess(compression) : undefined;
  const run: Feeding = helper.start('add', words, command ?? [], ['pipe', 'ignore']);
  const stdin = run.child.stdin as Writable;
  stdin.on('error', () => undefined); // the helper's report tells why it stopped reading
  run.fed = new Promise<never>((_resolve, reject) => {
    // Not `pipeline`: an input that breaks off must never look like one that ended.
    const broke = (error?: Error | null) => {
      run.child.kill('SIGKILL');
      reject(error ?? invalidParameter('unexpected EOF'));
    };
    body.on('error', broke);
    body.on('close', () => {
      if (!body.readableEnded) broke(body.errored);
    });
    // The stream may have broken off while its first bytes were looked at: then no event comes any more.
    if (body.destroyed && !body.readableEnded) broke(body.errored);
    engine?.on('error', (error) => broke(invalidParameter('unexpected EOF', error)));
  });
  run.fed.catch(() => undefined);
  run.stop = () => {
    body.unpipe();
    body.destroy();
  };
  if (engine) {
    body.pipe(engine);
    engine.pipe(stdin);
  } else body.pipe(stdin);
  body.on('data', (chunk: Buffer) => buffersPassed(chunk.length));
  return run;
}

async function settled(run: Feeding, options: AddOptions): Promise<Added> {
  const { signal, expected } = options;
  const abort = () => run.child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await (run.fed ? Promise.race([run.report, run.fed]) : run.report);
  } catch (error) {
    abort();
    await run.ended;
    run.stop?.();
    signal?.throwIfAborted();
    if (error instanceof BerthError && error.code === 'digest')
      throw invalidParameter(
        `invalid diffID for layer: expected ${JSON.stringify(expected)}, got ${JSON.stringify(error.message)}`,
      );
    if (error instanceof BerthError && error.code === 'decompress') throw systemError(error.message, error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A file's stream has a path, too, but need not begin at its start. */
function isStream(tar: Readable | { path: string }): tar is Readable {
  return typeof (tar as Readable).pipe === 'function';
}
