import { invalidParameter } from '../../../base/errors.ts';
import { parseJson } from '../../../base/go-json.ts';
import type { ImageDescriptor } from '../../../images/api.ts';
import type { StepRecord } from '../steps/snapshot.ts';

/* Steps of builds as other builds read them, in BuildKit's form: records that say by which key a step is known and which
   layer it gave. The keys are this engine's own; a cache of another BuildKit has records, and none that is found. */

/** A step that can be taken over: its layer, which may still have to be fetched. */
export interface RemoteStep {
  diffId: string;
  size: number;
  created: string;
  layer: ImageDescriptor;
}

interface CacheRecord {
  digest?: unknown;
  layers?: Array<{ layer?: unknown; createdAt?: unknown }>;
}

interface CacheLayer {
  blob?: unknown;
  annotations?: { diffID?: unknown; size?: unknown; mediaType?: unknown };
}

const MAX_RECORDS = 100_000;
const isDigest = (value: unknown): value is string =>
  typeof value === 'string' && /^sha256:[a-f0-9]{64}$/.test(value);

const recordsOf = (steps: readonly StepRecord[], indexOf: (step: StepRecord) => number) =>
  steps.map((step) => ({
    layers: [{ layer: indexOf(step), createdAt: step.created }],
    digest: `sha256:${step.key}`,
  }));

/** The inline cache in an image's configuration (`moby.buildkit.cache.v0`): the steps that made the image's own layers. */
export function inlineCache(steps: readonly StepRecord[]): string {
  const records = recordsOf(steps, ({ diffIds }) => diffIds.length - 1);
  return Buffer.from(JSON.stringify(records)).toString('base64');
}

/** A cache manifest's configuration. `diffIds` and `layers` go together. */
export function cacheConfig(
  steps: readonly StepRecord[],
  diffIds: readonly string[],
  layers: readonly ImageDescriptor[],
): object {
  const number = new Map(diffIds.map((diffId, index) => [diffId, index]));
  const parents = new Map<string, string>();
  for (const step of steps)
    for (const [at, diffId] of step.diffIds.entries()) if (at > 0) parents.set(diffId, step.diffIds[at - 1]!);
  return {
    layers: layers.map(({ digest, mediaType, size }, index) => {
      const parent = number.get(parents.get(diffIds[index]!) ?? '');
      return {
        blob: digest,
        parent: parent ?? -1,
        annotations: { mediaType, diffID: diffIds[index], size },
      };
    }),
    records: recordsOf(steps, ({ diffIds: own }) => number.get(own.at(-1)!)!),
  };
}

/** Reads the inline cache of an image's configuration. Gives nothing for an image without one. @throws invalid-parameter */
export function readInline(config: string, layers: readonly ImageDescriptor[]): Map<string, RemoteStep> {
  const image = parse(config) as { rootfs?: { diff_ids?: unknown[] }; 'moby.buildkit.cache.v0'?: unknown };
  const text = image['moby.buildkit.cache.v0'];
  if (typeof text !== 'string' || text === '') return new Map();
  const records = parse(Buffer.from(text, 'base64').toString());
  return stepsOf(records, (index) => ({ diffId: image.rootfs?.diff_ids?.[index], layer: layers[index] }));
}

/** Reads a cache manifest's configuration. @throws invalid-parameter */
export function readConfig(config: string, layers: readonly ImageDescriptor[]): Map<string, RemoteStep> {
  const { layers: described, records } = parse(config) as { layers?: CacheLayer[]; records?: unknown };
  const byDigest = new Map(layers.map((layer) => [layer.digest, layer]));
  return stepsOf(records ?? [], (index) => {
    const { blob, annotations } = described?.[index] ?? {};
    return { diffId: annotations?.diffID, layer: byDigest.get(String(blob)) };
  });
}

function stepsOf(
  records: unknown,
  find: (index: number) => { diffId: unknown; layer: ImageDescriptor | undefined },
): Map<string, RemoteStep> {
  if (!Array.isArray(records) || records.length > MAX_RECORDS)
    throw invalidParameter('the records of the cache are no list');
  const steps = new Map<string, RemoteStep>();
  for (const { digest, layers } of records as CacheRecord[]) {
    const [result] = Array.isArray(layers) ? layers : [];
    if (!isDigest(digest) || typeof result?.layer !== 'number') continue;
    const { diffId, layer } = find(result.layer);
    if (!isDigest(diffId) || !layer) continue;
    const created =
      typeof result.createdAt === 'string' && Number.isFinite(Date.parse(result.createdAt))
        ? result.createdAt
        : new Date(0).toISOString();
    steps.set(digest.slice('sha256:'.length), { diffId, size: layer.size, created, layer });
  }
  return steps;
}

function parse(text: string): object {
  try {
    const value = parseJson(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw invalidParameter(`the cache is not JSON: ${(error as Error).message}`, error);
  }
  throw invalidParameter('the cache is no JSON object');
}
