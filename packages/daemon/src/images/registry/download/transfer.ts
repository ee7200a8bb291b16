import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemError } from '../../../base/errors.ts';
import { NetworkError, networkError } from '../../../base/network-errors.ts';
import { span } from '../../../base/spans.ts';
import type { Layer } from '../../../layers/api.ts';
import { layerLine, shortId, transferLine } from '../../progress.ts';
import type { OnProgress, Progress } from '../../types.ts';
import { isTransient } from '../errors.ts';
import type { Answer } from '../transport.ts';
import type { TransferPools, WantedLayer } from './types.ts';

/** One blob on its way, with those who wait for it. */
export class Transfer {
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<void>;
  private readonly done: Promise<Layer>;
  private readonly pools: TransferPools;
  private readonly wanted: WantedLayer;
  private readonly path: string;
  private readonly stop = new AbortController();
  private readonly listeners = new Set<OnProgress>();
  private readonly id: string;
  private last: Progress | undefined;
  private shown = 0;

  constructor(pools: TransferPools, wanted: WantedLayer) {
    this.pools = pools;
    this.wanted = wanted;
    this.id = shortId(wanted.digest);
    this.path = join(pools.services.folder, wanted.digest.slice('sha256:'.length));
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
  async join({ signal, onProgress }: WantedLayer): Promise<Layer> {
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
    const { services, fetching, adding } = this.pools;
    const { signal } = this.stop;
    if (fetching.full) this.say(layerLine('Waiting', this.id));
    const { digest, diffId, size } = this.wanted;
    const about = { 'oci.digest': digest, 'oci.size': size };
    await fetching.run(signal, () => span('download layer', () => this.fetch(), about));
    this.say(layerLine('Download complete', this.id));
    // Everybody may have left when the layer is there; then it goes.
    const release = services.lease([diffId]);
    try {
      return await adding.run(signal, async () => {
        this.say(transferLine('Extracting', this.id, 0, size));
        const layer = await span(
          'unpack layer',
          () => services.layers.add({ path: this.path }, { expected: diffId, signal }),
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
      if (services.layers.has(diffId)) await rm(this.path, { force: true });
      await release();
    }
  }

  private async fetch(): Promise<void> {
    const { attempts, limits } = this.pools.services;
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
    const { limits } = this.pools.services;
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

/** Ways to end a download that are the server's doing and not the network's. */
const STRANGE = ['STALLED', 'EOF', 'RANGE'];

/** Bytes that are gathered before they are written. */
const BATCH = 1024 * 1024;
const INTERVAL = 100; // ms between lines of one transfer
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
