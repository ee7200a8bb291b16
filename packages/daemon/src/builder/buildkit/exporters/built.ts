import { BerthError, invalidParameter } from '../../../base/errors.ts';
import type { BuiltImage } from '../../../images/api.ts';
import type { Attested } from '../attestations/index.ts';
import { isTrue } from '../attributes.ts';
import { inlineCache } from '../cache/format.ts';
import { epochOf } from '../instructions.ts';
import type { Vertex } from '../progress/progress.ts';
import { imageConfig } from '../records.ts';
import { rewriteTimes } from './timestamps.ts';
import type { Export } from './types.ts';

/** Says of what a client asks for and nothing here does. @throws unsupported */
export function refuse(attributes: Record<string, string>, names: readonly string[]): void {
  for (const name of names)
    if (isTrue(attributes[name]))
      throw new BerthError('unsupported', `the exporter's attribute ${name}=true is not supported`);
}

/** Annotations that the attributes of an exporter ask for, by where they go. */
interface Annotations {
  index: Record<string, string>;
  /** For one platform's manifest, its own before those of all. */
  manifest(platform: string): Record<string, string>;
}

/** Reads `annotation.NAME`, `annotation-index.NAME`, `annotation-manifest[PLATFORM].NAME`. @throws unsupported for other places. */
export function annotationsOf(attributes: Record<string, string>): Annotations {
  const index: Record<string, string> = {};
  const manifests: Array<{ platform: string | undefined; name: string; value: string }> = [];
  for (const [attribute, value] of Object.entries(attributes)) {
    const match = /^annotation(?:-([a-z-]+))?(?:\[([^\]]+)\])?\.(.+)$/.exec(attribute);
    if (!match) continue;
    const [, place = 'manifest', platform, name = ''] = match;
    if (place === 'index') index[name] = value;
    else if (place === 'manifest') manifests.push({ platform, name, value });
    else
      throw new BerthError(
        'unsupported',
        `annotations of a ${place} are not supported: give those of index or manifest`,
      );
  }
  return {
    index,
    manifest: (wanted) => {
      const fitting = manifests.filter(({ platform }) => platform === undefined || platform === wanted);
      fitting.sort((a, b) => Number(a.platform !== undefined) - Number(b.platform !== undefined));
      return Object.fromEntries(fitting.map(({ name, value }) => [name, value]));
    },
  };
}

/** The images of a build's result, in the form that the images room takes. */
export interface Built {
  images: BuiltImage[];
  /** An index is wanted, even of one image. */
  index: boolean;
  annotations?: Record<string, string>;
  /** The result has an index, attestations or annotations, so that a configuration alone does not describe it. */
  special: boolean;
}

/** Makes the images of a result, under the times that `rewrite-timestamp` asks for. */
export async function builtOf(
  { job, result, attributes }: Export,
  attested: Attested,
  vertex: Vertex,
): Promise<Built> {
  const annotations = annotationsOf(attributes);
  const rewrite = isTrue(attributes['rewrite-timestamp']);
  const epoch = epochOf(
    attributes['source-date-epoch'] === undefined
      ? job.attributes
      : { 'build-arg:SOURCE_DATE_EPOCH': attributes['source-date-epoch'] },
  );
  if (rewrite && !epoch)
    throw invalidParameter(
      "the exporter's attribute rewrite-timestamp=true needs the time: give the build argument SOURCE_DATE_EPOCH",
    );
  if (job.exports.inline) vertex.status('preparing layers for inline cache', 0, 0, true);
  const images: BuiltImage[] = [];
  for (const { result: one, platform, attestations } of attested.images) {
    const written = rewrite ? await rewriteTimes(job, one, epoch!, vertex) : one;
    const own = annotations.manifest(platform);
    images.push({
      config: imageConfig(written, job.exports.inline ? inlineCache(one.snapshot.steps) : undefined),
      attestations,
      ...(Object.keys(own).length > 0 && { annotations: own }),
    });
  }
  const index = result.several || Object.keys(annotations.index).length > 0;
  return {
    images,
    index,
    ...(Object.keys(annotations.index).length > 0 && { annotations: annotations.index }),
    special: index || images.some(({ attestations, annotations: own }) => attestations.length > 0 || own),
  };
}
