import type { Message, Sent } from '@berth/grpc';
import type { BuildResult } from './dockerfile-build.ts';
import type { Job } from './job.ts';
import { imageConfig } from './records.ts';
import type { Answer } from './requests/answer.ts';

/* Results as a client's own build function has them: it names what it returns by references. */

/** The platforms of a result, beside its references. */
const PLATFORMS = 'refs.platforms';

/** The result of a build for a client. */
export function toGateway(
  job: Job,
  built: BuildResult,
  { allowResultArrayRef, allowResultReturn }: Message<'GatewaySolveRequest'>,
): Sent<'GatewaySolveResponse'> {
  const refs: Record<string, { id: string }> = {};
  const metadata: Record<string, Buffer> = {};
  job.source = built.source;
  for (const image of built.images) {
    const id = `ref-${job.results.size}`;
    job.results.set(id, image);
    const config = Buffer.from(JSON.stringify(imageConfig(image.result)));
    if (!built.several) {
      metadata['containerimage.config'] = config;
      return allowResultArrayRef || allowResultReturn ? { result: { ref: { id }, metadata } } : { ref: id };
    }
    refs[image.platform] = { id };
    metadata[`containerimage.config/${image.platform}`] = config;
  }
  const Platforms = built.images.map(({ platform, result }) => ({
    ID: platform,
    Platform: {
      architecture: result.platform.architecture,
      os: result.platform.os,
      ...(result.platform.variant ? { variant: result.platform.variant } : {}),
    },
  }));
  metadata[PLATFORMS] = Buffer.from(JSON.stringify({ Platforms }));
  return { result: { refs: { refs }, metadata } };
}

/** The answer to a request beside a build, which has no root. */
export const answered = (answer: Answer): Sent<'GatewaySolveResponse'> => ({
  result: {
    ref: { id: '' },
    metadata: Object.fromEntries(Object.entries(answer).map(([name, text]) => [name, Buffer.from(text)])),
  },
});

/** The result that a client's own build function returned, of the builds that it asked for; undefined for none of them. */
export function fromGateway(job: Job, returned: Partial<Message<'Result'>>): BuildResult | undefined {
  const refs = Object.values(returned.refs?.refs ?? {});
  if (refs.length > 0) {
    const images = refs.flatMap(({ id }) => job.results.get(id) ?? []);
    const order = [...job.results.values()];
    images.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    return images.length === refs.length ? { images, several: true, source: job.source } : undefined;
  }
  const ref = returned.ref?.id || returned.refDeprecated;
  const image = ref === undefined ? [...job.results.values()][0] : job.results.get(ref);
  return image && { images: [image], several: false, source: job.source };
}
