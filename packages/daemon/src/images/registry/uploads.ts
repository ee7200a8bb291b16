import { createHash } from 'node:crypto';
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { NetworkError } from '../../base/network-errors.ts';
import type { Layers } from '../../layers/api.ts';
import type { OnProgress } from '../api.ts';
import { layerLine, Meter, shortId } from '../progress.ts';
import type { BlobSources, RegistryBlob } from './blob-sources.ts';
import { compressor } from './compress.ts';
import { isTransient, RegistryError } from './errors.ts';
import { Pool } from './limits.ts';
import { type Descriptor, DOCKER_LAYER } from './manifests.ts';
import { Repository } from './repository.ts';
import { type RegistryClient, withRegistry } from './session.ts';

/** How long a registry to copy from may take to answer at all, and is left alone when it does not (ms). */
const SOURCE_TIMEOUT = 5_000;
const AWAY = 60_000;

export interface UploadServices {
  client: RegistryClient;
  layers: Layers;
  blobSources: BlobSources;
  concurrent: number;
  attempts: number;
}

/** One push: where to, and who watches. */
export interface Target {
  repository: Repository;
  domain: string;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** Brings layers into repositories, sending as little as possible. */
export class Uploads {
  private readonly services: UploadServices;
  private readonly pool: Pool;
  /** Registries that were not there when something was to be copied from them, and until when they are passed over. */
  private readonly away = new Map<string, number>();

  constructor(services: UploadServices) {
    this.services = services;
    this.pool = new Pool(services.concurrent);
  }

  /**
   * Has a layer under this digest in the repository: it is there, is mounted from a neighbour, is made again of the
   * layer (when we made it the first time), or is copied from the registry it was pulled from.
   * @returns false when none of that is possible.
   */
  place(target: Target, diffId: string, wanted: Descriptor): Promise<boolean> {
    return this.pool.run(target.signal, async () => {
      const known = this.services.blobSources.of(diffId).find(({ digest }) => digest === wanted.digest);
      if (await this.present(target, diffId, { ...wanted, sources: known?.sources ?? [] })) return true;
      if (known?.made === compressor().name)
        return (
          (await this.attempts(target, diffId, () => this.compress(target, diffId))).digest === wanted.digest
        );
      return known !== undefined && (await this.copy(target, diffId, known));
    });
  }

  /** Has a layer in the repository in whatever form. */
  send(target: Target, diffId: string): Promise<Descriptor> {
    return this.pool.run(target.signal, async () => {
      for (const blob of this.services.blobSources.of(diffId))
        if (!blob.mediaType.endsWith('zstd') && (await this.present(target, diffId, blob)))
          return gzipped(blob);
      return this.attempts(target, diffId, () => this.compress(target, diffId));
    });
  }

  /** Whether the blob is in the repository, or came there from another one of its registry. */
  private async present(target: Target, diffId: string, blob: RegistryBlob): Promise<boolean> {
    const { repository, domain, signal, onProgress } = target;
    const here = `${domain}/${repository.path}`;
    const size = await repository.has(blob.digest, signal);
    if (size !== undefined && (size === blob.size || size < 0)) {
      this.services.blobSources.add(diffId, blob, here);
      onProgress(layerLine('Layer already exists', shortId(diffId)));
      return true;
    }
    if (blob.sources.includes(here)) this.services.blobSources.lost(diffId, blob.digest, here);
    for (const source of blob.sources) {
      if (source === here || !source.startsWith(`${domain}/`)) continue;
      const from = source.slice(domain.length + 1);
      const upload = await repository
        .beginUpload(signal, { digest: blob.digest, from })
        .catch((error: unknown) => refused(error));
      if (upload === null) continue;
      if (upload === undefined) {
        this.services.blobSources.add(diffId, blob, here);
        onProgress(layerLine(`Mounted from ${from}`, shortId(diffId)));
        return true;
      }
      await repository.cancel(upload);
    }
    return false;
  }

  private async attempts<T>(target: Target, diffId: string, task: () => Promise<T>): Promise<T> {
    const { limits } = this.services.client;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await task();
      } catch (error) {
        target.signal.throwIfAborted();
        if (!isTransient(error) || attempt >= this.services.attempts) throw error;
        const seconds = Math.max(1, Math.round((limits.backOff * attempt) / 1000));
        target.onProgress(
          layerLine(`Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`, shortId(diffId)),
        );
        await sleep(limits.backOff * attempt, undefined, { signal: target.signal });
      }
    }
  }

  private async compress(target: Target, diffId: string): Promise<Descriptor> {
    const layer = this.services.layers.get(diffId);
    if (!layer) throw systemError(`the layer ${diffId} is not here`);
    const maker = compressor();
    const meter = new Meter(target.onProgress, 'Pushing', shortId(diffId), layer.tarSize);
    const stop = new AbortController();
    const signal = AbortSignal.any([target.signal, stop.signal]);
    let read = 0;
    try {
      const compressed = async () =>
        maker.run(await this.services.layers.tar(diffId), signal, (bytes) => {
          read += bytes;
          meter.add(bytes);
        });
      const { digest, size } = await this.stream(target, compressed, signal, () => {
        if (read !== layer.tarSize)
          throw systemError(`the layer ${diffId} was read as ${read} bytes and should have ${layer.tarSize}`);
      });
      const blob = { digest, size, mediaType: DOCKER_LAYER, made: maker.name };
      this.services.blobSources.add(diffId, blob, `${target.domain}/${target.repository.path}`);
      target.onProgress(layerLine('Pushed', shortId(diffId)));
      return { mediaType: DOCKER_LAYER, digest, size };
    } finally {
      stop.abort();
    }
  }

  /** Uploads a stream, opened once the registry wants it; its digest is known at the end, when `check` may still refuse it. */
  private async stream(
    target: Target,
    open: () => Promise<Readable>,
    signal: AbortSignal,
    check: (digest: string) => void,
  ): Promise<{ digest: string; size: number }> {
    const hash = createHash('sha256');
    let size = 0;
    const counted = new Transform({
      highWaterMark: 1024 * 1024,
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        done(null, chunk);
      },
    });
    const { repository } = target;
    const start = await repository.beginUpload(signal);
    if (start === undefined) throw systemError('the registry began no upload');
    let place = start;
    try {
      const flowing = pipeline(await open(), counted, { signal });
      flowing.catch(() => undefined);
      place = await repository.upload(start, counted, 0, signal);
      await flowing;
      const digest = `sha256:${hash.digest('hex')}`;
      check(digest);
      await repository.commit(place, digest, signal);
      return { digest, size };
    } catch (error) {
      counted.destroy();
      await repository.cancel(place);
      throw error;
    }
  }

  /** Copies a blob from a registry that has it, without a stop on our disk; false when none gives it to us. */
  private async copy(target: Target, diffId: string, blob: RegistryBlob): Promise<boolean> {
    const { signal, domain } = target;
    for (const source of blob.sources) {
      const slash = source.indexOf('/');
      const from = source.slice(0, slash);
      if (from === domain || (this.away.get(from) ?? 0) > Date.now()) continue;
      const opening = AbortSignal.any([signal, AbortSignal.timeout(SOURCE_TIMEOUT)]);
      try {
        await withRegistry(
          this.services.client,
          from,
          { purpose: 'pull', auth: undefined, signal: opening },
          async (session) => {
            const answer = await new Repository(session, source.slice(slash + 1), 'pull').blob(
              blob.digest,
              0,
              signal,
            );
            const meter = new Meter(target.onProgress, 'Pushing', shortId(diffId), blob.size);
            const body = answer.body
              .on('data', (chunk: Buffer) => meter.add(chunk.length))
              .pipe(new PassThrough());
            answer.body.once('error', (error) => body.destroy(error));
            await this.stream(
              target,
              async () => body,
              signal,
              (digest) => {
                if (digest !== blob.digest)
                  throw systemError(`filesystem layer verification failed for digest ${blob.digest}`);
              },
            );
          },
        );
      } catch (error) {
        signal.throwIfAborted();
        if (opening.aborted || error instanceof NetworkError) this.away.set(from, Date.now() + AWAY);
        log.debug(
          { blob: blob.digest, source, err: error },
          'a layer could not be copied from where it was pulled',
        );
        continue;
      }
      this.services.blobSources.add(diffId, blob, `${domain}/${target.repository.path}`);
      target.onProgress(layerLine('Pushed', shortId(diffId)));
      return true;
    }
    return false;
  }
}

/** A repository that we may not read from is passed over. */
function refused(error: unknown): null {
  if (error instanceof RegistryError && error.status >= 400 && error.status < 500) return null;
  throw error;
}

/** A schema 2 manifest names Docker's types. */
function gzipped({ digest, size, mediaType }: Descriptor): Descriptor {
  const plain = mediaType.endsWith('.tar');
  return {
    mediaType: plain ? 'application/vnd.docker.image.rootfs.diff.tar' : DOCKER_LAYER,
    digest,
    size,
  };
}
