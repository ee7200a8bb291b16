import type { Sent } from '@berth/grpc';
import { BerthError, invalidParameter } from '../../../base/errors.ts';
import type { Images } from '../../../images/api.ts';
import { fullReference } from '../../../images/index.ts';
import { isTrue } from '../attributes.ts';
import type { BuildResult } from '../dockerfile-build.ts';
import type { Job } from '../job.ts';
import type { StepRecord } from '../steps/snapshot.ts';
import { cacheConfig } from './format.ts';
import { openStore } from './stores.ts';
import type { CacheExports, CacheTarget } from './types.ts';

/**
 * Reads the `--cache-to` of a request. BUILDKIT_INLINE_CACHE asks for an inline cache as well: clients that know it do so
 * themselves.
 * @throws unsupported naming a kind that is not known; invalid-parameter for one that lacks where it goes.
 */
export function exportsOf(
  entries: ReadonlyArray<Sent<'CacheOptionsEntry'>>,
  attributes: Record<string, string>,
): CacheExports {
  const exports: CacheExports = {
    inline: isTrue(attributes['build-arg:BUILDKIT_INLINE_CACHE']),
    targets: [],
  };
  for (const { Type, Attrs } of entries) {
    const given = Attrs ?? {};
    if (Type === 'inline') exports.inline = true;
    else if (Type === 'registry' || Type === 'local' || Type === 'gha') {
      if (Type === 'registry' && !given['ref'])
        throw invalidParameter('registry cache exporter requires ref');
      if (Type === 'registry') fullReference(given['ref']!);
      if (Type === 'local' && !given['dest']) throw invalidParameter('local cache exporter requires dest');
      if (Type === 'gha') checkActions(given);
      exports.targets.push({ type: Type, attributes: given });
    } else throw new BerthError('unsupported', `unknown cache exporter: ${JSON.stringify(Type)}`);
  }
  return exports;
}

/** @throws invalid-parameter where the address or the token of the cache lacks */
function checkActions({ url, url_v2, token }: Record<string, string>): void {
  if (!url && !url_v2) throw invalidParameter('url not set for actions cache');
  if (!token) throw invalidParameter('token not set for actions cache');
}

const TITLES = {
  registry: 'exporting cache to registry',
  local: 'exporting cache to client directory',
  gha: 'exporting to GitHub Actions Cache',
};

/**
 * Writes the steps of a build: those of the image, or (`mode=max`) all that were needed for it. Returns what the client is
 * told.
 */
export async function exportCache(
  images: Images,
  job: Job,
  { images: built }: BuildResult,
  target: CacheTarget,
): Promise<Record<string, string>> {
  const { attributes } = target;
  const steps =
    attributes['mode'] === 'max'
      ? [...job.solver!.steps.values()]
      : [
          ...new Map(
            built.flatMap(({ result }) => result.snapshot.steps.map((step) => [step.key, step])),
          ).values(),
        ];
  // The layers below a step's own are part of what it gave.
  const diffIds = [...new Set(steps.flatMap((step) => step.diffIds))];
  const work = job.progress.step(TITLES[target.type], async (vertex) => {
    vertex.status('preparing build cache for export', 0, 0, true);
    const told =
      target.type === 'registry'
        ? await toRegistry(images, job, attributes, steps, diffIds)
        : await toStore(job, target, steps, diffIds);
    const written = told['cache.manifest'];
    if (written) {
      const { digest } = JSON.parse(written) as { digest: string };
      vertex.status(`writing cache image manifest ${digest}`, 0, 0, true);
    }
    return told;
  });
  if (!isTrue(attributes['ignore-error'])) return work;
  return work.catch(() => {
    job.abort.signal.throwIfAborted();
    return {};
  });
}

async function toRegistry(
  images: Images,
  job: Job,
  attributes: Record<string, string>,
  steps: readonly StepRecord[],
  diffIds: string[],
): Promise<Record<string, string>> {
  const session = await job.session!;
  const descriptor = await images.writeCache({
    reference: fullReference(attributes['ref']!),
    diffIds,
    config: (layers) => cacheConfig(steps, diffIds, layers),
    index: attributes['image-manifest'] === 'false',
    auth: (host) => session.credentials(host),
    signal: job.abort.signal,
    onProgress: () => undefined,
  });
  return { 'cache.manifest': JSON.stringify(descriptor) };
}

async function toStore(
  job: Job,
  target: CacheTarget,
  steps: readonly StepRecord[],
  diffIds: readonly string[],
): Promise<Record<string, string>> {
  const store = await openStore(target.type, target.attributes, await job.session!, job.solver!.fetch);
  const layers = [];
  for (const diffId of diffIds) {
    job.abort.signal.throwIfAborted();
    layers.push(await job.solver!.layer(diffId, store));
  }
  return store.publish(Buffer.from(JSON.stringify(cacheConfig(steps, diffIds, layers))), layers);
}
