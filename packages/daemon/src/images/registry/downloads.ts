import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { NetworkError, networkError } from '../../base/network-errors.ts';
import { span } from '../../base/spans.ts';
import type { Layer, Layers } from '../../layers/api.ts';
import type { OnProgress, Progress } from '../api.ts';
import { layerLine, shortId, transferLine } from '../progress.ts';
import { isTransient } from './errors.ts';
import { type Limits, Pool } from './limits.ts';
import type { Answer } from './transport.ts';

/** A layer that somebody wants from a registry. */
export interface Wanted {
  digest: string;
  size: number;
  diffId: string;
  /** Opens the blob from a byte on. */
  open(offset: number, signal: AbortSignal): Promise<Answer>;
  signal: AbortSignal;
  onProgress: OnProgress;
}

export interface DownloadParts {
  folder: string;
  layers: Layers;
  /** Keeps layers until the returned function is called. */
  hold(diffIds: Iterable<string>): () => Promise<void>;
  limits: Limits;
  concurrent: number;
  attempts: number;
}

/** Ways to end a download that are the server's doing and not the network's. */
const STRANGE = ['STALLED', 'EOF', 'RANGE'];
/** Bytes that are gathered before they are written. */
const BATCH = 1024 * 1024;
const INTERVAL = 100; // ms between lines of one transfer

/**
 * Fetches layers: each blob once however many clients want it, all within one pool, into a file aside that is hashed on
 * its way and then given to the layers room. A file stays when its transfer was interrupted, and is taken up again where
 * it ended.
 */
export class Downloads {
  readonly parts: DownloadParts;
  readonly fetching: Pool;
  readonly adding = new Pool(availableParallelism());
  private readonly running = new Map<string, Transfer>();
  private swept = 0;

  constructor(parts: DownloadParts) {
    this.parts = parts;
    this.fetching = new Pool(parts.concurrent);
    mkdirSync(parts.folder, { recursive: true, mode: 0o700 });
    this.sweep();
  }

  /** Gets a layer, or joins those who are getting it. @throws what the transfer ended with, or the signal's reason. */
  async layer(wanted: Wanted): Promise<Layer> {
    for (;;) {
      wanted.signal.throwIfAborted();
      const running = this.running.get(wanted.digest);
      if (!running) return await this.start(wanted).join(wanted);
      try {
        if (running.diffId === wanted.diffId) return await running.join(wanted);
      } catch (error) {
        // Another client's registry, credentials or patience failed; ours may not.
        wanted.signal.throwIfAborted();
        log.debug({ blob: wanted.digest, err: error }, 'a shared download failed; trying again');
      }
      // It writes to the same file until it has ended.
      await running.ended;
    }
  }

  private start(wanted: Wanted): Transfer {
    this.sweep();
    const transfer = new Transfer(this, wanted);
    this.running.set(wanted.digest, transfer);
    void transfer.ended.then(() => this.running.delete(wanted.digest));
    return transfer;
  }

  /** Removes what interrupted downloads left too long ago. */
  private sweep(): void {
    const { limits, folder } = this.parts;
    const now = Date.now();
    if (now - this.swept < limits.partialAge / 24) return;
    this.swept = now;
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const old = (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < now - limits.partialAge;
      if (!/^[a-f0-9]{64}$/.test(name) || (old && !this.running.has(`sha256:${name}`)))
        rmSync(path, { recursive: true, force: true });
    }
  }
}

/** One blob on its way, with those who wait for it. */
class Transfer {
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<void>;
  private readonly done: Promise<Layer>;
  private readonly owner: Downloads;
  private readonly wanted: Wanted;
  private readonly path: string;
  private readonly stop = new AbortController();
  private readonly listeners = new Set<OnProgress>();
  private readonly id: string;
  private last: Progress | undefined;
  private shown = 0;

  constructor(owner: Downloads, wanted: Wanted) {
    this.owner = owner;
    this.wanted = wanted;
    this.id = shortId(wanted.digest);
    this.path = join(owner.parts.folder, wanted.digest.slice('sha256:'.length));
    this.done = this.run();
    this.ended = this.done.then(
      () => undefined,
      () => undefined,
    );
  }

  get diffId(): string {
    return this.wanted.diffId;
  }

  /** Waits for the layer; the transfer is stopped when nobody waits any more. */
  async join({ signal, onProgress }: Wanted): Promise<Layer> {
    const listener = (line: Progress) => onProgress(line);
    this.listeners.add(listener);
    if (this.last) listener(this.last);
    let leave!: () => void;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.done, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop.abort(systemError('the download was cancelled'));
    }
  }

  private say(line: Progress): void {
    this.last = line;
    for (const listener of this.listeners) listener(line);
  }

  private async run(): Promise<Layer> {
    // Callers that wait for the same download must have joined before the first line.
    await Promise.resolve();
    const { parts, fetching, adding } = this.owner;
    const { signal } = this.stop;
    if (fetching.full) this.say(layerLine('Waiting', this.id));
    const { digest, diffId, size } = this.wanted;
    const about = { 'oci.digest': digest, 'oci.size': size };
    await fetching.run(signal, () => span('download layer', () => this.fetch(), about));
    this.say(layerLine('Download complete', this.id));
    // Everybody may have left when the layer is there; then it goes.
    const release = parts.hold([diffId]);
    try {
      return await adding.run(signal, async () => {
        this.say(transferLine('Extracting', this.id, 0, size));
        const layer = await span(
          'unpack layer',
          () => parts.layers.add({ path: this.path }, { expected: diffId, signal }),
          about,
        );
        this.say(transferLine('Extracting', this.id, size, size));
        return layer;
      });
    } catch (error) {
      if (signal.aborted) throw error;
      await rm(this.path, { force: true });
      throw error;
    } finally {
      if (parts.layers.has(diffId)) await rm(this.path, { force: true });
      await release();
    }
  }

  private async fetch(): Promise<void> {
    const { attempts, limits } = this.owner.parts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.attempt();
        return;
      } catch (error) {
        this.stop.signal.throwIfAborted();
        const last = !isTransient(error) || attempt >= attempts;
        // The bytes of a broken connection are worth keeping; those of a strange server are not.
        if (last && !(error instanceof NetworkError && !STRANGE.includes(error.reason)))
          await rm(this.path, { force: true });
        if (last) throw error;
        await this.pause((limits.backOff * attempt) / 1000);
      }
    }
  }

  /** Waits before another attempt, counting down as dockerd does. */
  private async pause(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 1) {
      const shown = Math.max(1, Math.round(left));
      this.say(layerLine(`Retrying in ${shown} second${shown === 1 ? '' : 's'}`, this.id));
      await sleep(Math.min(1, left) * 1000, undefined, { signal: this.stop.signal });
    }
  }

  private async attempt(): Promise<void> {
    const { digest, size } = this.wanted;
    const file = await open(this.path, 'a+', 0o600);
    try {
      const hash = createHash('sha256');
      let offset = await hashFile(file, hash, size);
      if (offset < size || size === 0) {
        const answer = await this.wanted.open(offset, this.stop.signal);
        if (offset === 0 || continues(answer, offset)) await this.receive(answer, file, hash, offset);
        else {
          // The server cannot go on where we were.
          await file.truncate(0);
          offset = 0;
          if (answer.status !== 200) {
            answer.body.destroy();
            throw new NetworkError(`the registry refused to continue the download of ${digest}`, 'RANGE');
          }
          await this.receive(answer, file, createHash('sha256'), 0);
        }
        return;
      }
      this.verify(hash);
    } finally {
      await file.close();
    }
  }

  private verify(hash: Hash): void {
    const { digest } = this.wanted;
    this.say(layerLine('Verifying Checksum', this.id));
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw systemError(`filesystem layer verification failed for digest ${digest}`);
  }

  private async receive(answer: Answer, file: FileHandle, hash: Hash, offset: number): Promise<void> {
    const { digest, size } = this.wanted;
    const { limits } = this.owner.parts;
    const announced = answer.headers['content-length'];
    if (typeof announced === 'string' && Number(announced) !== size - offset) {
      answer.body.destroy();
      throw systemError(
        `layer ${digest} should have ${size} bytes, the registry offers ${Number(announced) + offset}`,
      );
    }
    let received = offset;
    let batch: Buffer[] = [];
    let batched = 0;
    let writing: Promise<unknown> = Promise.resolve();
    let windowStart = offset;
    const watch = setInterval(() => {
      if (received - windowStart < limits.stallBytes)
        answer.body.destroy(new NetworkError(`the download of ${digest} stalled`, 'STALLED'));
      windowStart = received;
    }, limits.stallWindow);
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        received += chunk.length;
        if (received > size)
          throw systemError(`layer ${digest} is longer than the ${size} bytes it should have`);
        hash.update(chunk);
        batch.push(chunk);
        batched += chunk.length;
        this.count(received);
        if (batched < BATCH) continue;
        await writing;
        writing = file.writev(batch);
        writing.catch(() => undefined);
        batch = [];
        batched = 0;
      }
    } catch (error) {
      this.stop.signal.throwIfAborted();
      throw networkError('GET', answer.url, error);
    } finally {
      clearInterval(watch);
      answer.body.destroy();
      await writing;
      if (batch.length > 0 && received <= size) await file.writev(batch);
    }
    if (received < size)
      throw new NetworkError(
        `the download of ${digest} ended after ${received} of ${size} bytes: unexpected EOF`,
        'EOF',
      );
    this.verify(hash);
  }

  private count(received: number): void {
    const now = Date.now();
    if (now - this.shown < INTERVAL) return;
    this.shown = now;
    this.say(transferLine('Downloading', this.id, received, this.wanted.size));
  }
}

/** Whether an answer begins at the byte that was asked for. */
function continues(answer: Answer, offset: number): boolean {
  return (
    answer.status === 206 && String(answer.headers['content-range'] ?? '').startsWith(`bytes ${offset}-`)
  );
}

/** Hashes what an earlier attempt left and returns its length; what is too long is thrown away. */
async function hashFile(file: FileHandle, hash: Hash, most: number): Promise<number> {
  const { size } = await file.stat();
  if (size > most) {
    await file.truncate(0);
    return 0;
  }
  if (size === 0) return 0;
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: BATCH }))
    hash.update(chunk as Buffer);
  return size;
}
