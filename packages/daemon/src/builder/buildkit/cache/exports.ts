import type { Sent } from '@berth/grpc';
import { BerthError, invalidParameter } from '../../../base/errors.ts';
import type { Images } from '../../../images/api.ts';
import { fullReference } from '../../../images/index.ts';
import { isTrue } from '../attributes.ts';
import type { Job } from '../job.ts';
import type { StageResult } from '../steps/step.ts';
import { cacheConfig } from './format.ts';
import type { CacheExports } from './types.ts';

/**
 * Reads the `--cache-to` of a request. BUILDKIT_INLINE_CACHE asks for an inline cache as well: clients that know it do so
 * themselves.
 * @throws unsupported naming a kind that is not known; invalid-parameter without a reference.
 */
export function exportsOf(
  entries: ReadonlyArray<Sent<'CacheOptionsEntry'>>,
  attributes: Record<string, string>,
): CacheExports {
  const exports: CacheExports = {
    inline: isTrue(attributes['build-arg:BUILDKIT_INLINE_CACHE']),
    registry: [],
  };
  for (const { Type, Attrs } of entries) {
    if (Type === 'inline') exports.inline = true;
    else if (Type !== 'registry')
      throw new BerthError('unsupported', `unknown cache exporter: ${JSON.stringify(Type)}`);
    else if (!Attrs?.['ref']) throw invalidParameter('registry cache exporter requires ref');
    else {
      fullReference(Attrs['ref']);
      exports.registry.push(Attrs);
    }
  }
  return exports;
}

/** Writes the steps to a registry: those of the image, or (`mode=max`) all that were needed for it. */
export async function exportCache(
  images: Images,
  job: Job,
  result: StageResult,
  attributes: Record<string, string>,
): Promise<void> {
  const session = await job.session!;
  const steps = attributes['mode'] === 'max' ? [...job.solver!.steps.values()] : result.snapshot.steps;
  // The layers below a step's own are part of what it gave.
  const diffIds = [...new Set(steps.flatMap((step) => step.diffIds))];
  const name = fullReference(attributes['ref']!);
  const work = job.progress.step('exporting cache to registry', async (vertex) => {
    vertex.status('preparing build cache for export', 0, 0, true);
    const { digest } = await images.writeCache({
      reference: name,
      diffIds,
      config: (layers) => cacheConfig(steps, diffIds, layers),
      index: attributes['image-manifest'] === 'false',
      auth: (host) => session.credentials(host),
      signal: job.abort.signal,
      onProgress: () => undefined,
    });
    vertex.status(`writing cache image manifest ${digest}`, 0, 0, true);
  });
  await (isTrue(attributes['ignore-error']) ? work.catch(() => job.abort.signal.throwIfAborted()) : work);
}
