import type { Sent } from '@berth/grpc';
import { BerthError, invalidParameter } from '../../../base/errors.ts';
import type { Fetch } from '../../../base/fetch.ts';
import type { CacheSource, Images } from '../../../images/api.ts';
import { fullReference } from '../../../images/index.ts';
import type { Layers } from '../../../layers/api.ts';
import { hash } from '../hash.ts';
import type { Progress } from '../progress/progress.ts';
import { sourceError } from '../progress/source-errors.ts';
import type { Session } from '../session/session.ts';
import { type RemoteStep, readConfig, readInline } from './format.ts';
import { openStore } from './stores.ts';
import type { CacheImport } from './types.ts';

/** All caches that a client names for a build: with the request to solve, and with the front end's attributes. */
export function importsOf(
  entries: ReadonlyArray<Sent<'CacheOptionsEntry'>>,
  attributes: Record<string, string> = {},
): CacheImport[] {
  const found: CacheImport[] = entries.map(({ Type, Attrs }) => ({
    type: Type ?? '',
    attributes: Attrs ?? {},
  }));
  for (const ref of (attributes['cache-from'] ?? '').split(',').filter(Boolean))
    found.push({ type: 'registry', attributes: { ref } });
  const text = attributes['cache-imports'];
  if (text) {
    try {
      for (const { Type, Attrs } of JSON.parse(text) as Array<Sent<'CacheOptionsEntry'>>)
        found.push({ type: String(Type), attributes: Attrs ?? {} });
    } catch (error) {
      throw invalidParameter(`failed to unmarshal cache-imports (${JSON.stringify(text)})`, error);
    }
  }
  return [...new Map(found.map((entry) => [hash([entry.type, entry.attributes]), entry])).values()];
}

interface Parts {
  images: Images;
  layers: Layers;
  fetch: Fetch;
}

/** A source whose layers are here, or can be fetched. */
interface Source {
  steps: Map<string, RemoteStep>;
  fetch: CacheSource['fetch'] | undefined;
}

/** The steps that a build may take from images and caches elsewhere, each source read when the first step asks. */
export class RemoteCaches {
  private readonly parts: Parts;
  private readonly sources: Source[] = [];

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Reads the sources. One that cannot be had is told of by its vertex and does not end the build, as with BuildKit. */
  async load(
    imports: readonly CacheImport[],
    options: { session: Session; progress: Progress; signal: AbortSignal; platform: string },
  ): Promise<void> {
    const { progress, signal } = options;
    for (const wanted of imports) {
      const name =
        (wanted.type === 'registry' && wanted.attributes['ref']) ||
        `${wanted.type}:${BigInt(`0x${hash(wanted.attributes).slice(0, 16)}`)}`;
      await progress
        .step(`importing cache manifest from ${name}`, async (vertex) => {
          if (wanted.type !== 'registry') {
            this.sources.push(await this.readStore(wanted, options));
            return;
          }
          const source = await this.read(wanted.attributes['ref'] ?? '', options, (type) =>
            vertex.status(`inferred cache manifest type: ${type}`, 0, 0, true),
          ).catch((error: Error) => {
            throw new BerthError('system', `failed to configure registry cache importer: ${error.message}`, {
              cause: error,
            });
          });
          this.sources.push(source);
        })
        .catch(() => signal.throwIfAborted());
    }
  }

  /** Steps in a place that is no registry. @throws unsupported for a kind that is not known */
  private async readStore(
    { type, attributes }: CacheImport,
    { session }: { session: Session },
  ): Promise<Source> {
    const store = await openStore(type, attributes, session, this.parts.fetch);
    const found = await store.describe();
    if (!found) return { steps: new Map(), fetch: undefined };
    const fetch: CacheSource['fetch'] = async (layer, diffId, { signal }) =>
      this.parts.layers.add(await store.read(layer), { expected: diffId, signal });
    return { steps: readConfig(found.config, found.layers), fetch };
  }

  private async read(
    reference: string,
    { session, signal, platform }: { session: Session; signal: AbortSignal; platform: string },
    onType: (mediaType: string) => void,
  ): Promise<Source> {
    const { images } = this.parts;
    const full = fullReference(reference);
    try {
      const { config } = images.resolve(reference, platform === '' ? {} : { platform });
      const layers = config.rootfs.diff_ids.map((digest) => ({ mediaType: '', digest, size: 0 }));
      return { steps: readInline(JSON.stringify(config), layers), fetch: undefined };
    } catch (error) {
      if (!(error instanceof BerthError) || error.kind !== 'not-found') throw error;
    }
    const found = await images
      .readCache({
        reference,
        ...(platform === '' ? {} : { platform }),
        auth: (host) => session.credentials(host),
        signal,
      })
      .catch((error: Error) => Promise.reject(sourceError(error, full)));
    onType(found.mediaType);
    const steps = (found.kind === 'image' ? readInline : readConfig)(found.config, found.layers);
    return { steps, fetch: found.fetch };
  }

  /**
   * The step of that key, its layer here and held by `lease`. Undefined when no source has it, or none can give its layer;
   * `onFailure` is told why.
   */
  async find(
    key: string,
    options: {
      signal: AbortSignal;
      lease: (diffId: string) => void;
      onFailure: (message: string) => void;
    },
  ): Promise<{ diffId: string; size: number; created: string } | undefined> {
    const { layers } = this.parts;
    for (const { steps, fetch } of this.sources) {
      const step = steps.get(key);
      if (!step) continue;
      const { diffId, created } = step;
      options.lease(diffId);
      try {
        const layer =
          layers.get(diffId) ??
          (await fetch?.(step.layer, diffId, { signal: options.signal, onProgress: () => undefined }));
        if (layer) return { diffId, size: layer.size, created };
      } catch (error) {
        options.signal.throwIfAborted();
        options.onFailure(`the cached layer ${diffId} could not be fetched: ${(error as Error).message}\n`);
      }
    }
    return undefined;
  }
}
