import type { Attestation } from '../../../images/api.ts';
import { attestationsOf } from '../attributes.ts';
import type { BuildResult, PlatformResult } from '../dockerfile-build.ts';
import type { Job } from '../job.ts';
import { provenance } from './provenance.ts';
import { sbom } from './sbom.ts';

/** The result of a build, with the statements about its images. */
export interface Attested extends BuildResult {
  images: Array<PlatformResult & { attestations: Attestation[] }>;
}

/** How a build was made, for those who look at it later, whatever its image says: the predicates alone. */
export function toldOf(
  job: Job,
  built: BuildResult,
  attributes: Record<string, string>,
  hostPlatform: string,
): Array<{ predicateType: string; body: Buffer }> {
  const told = { ref: job.ref, started: job.started, finished: new Date(), attributes, source: built.source };
  return built.images.slice(0, 1).map((image) => {
    const { predicateType, predicate } = provenance(told, image, hostPlatform, { mode: 'max' });
    return { predicateType, body: Buffer.from(predicate) };
  });
}

/** Makes the attestations that are asked for, one of each kind for each platform. @throws BerthError */
export async function attest(
  job: Job,
  built: BuildResult,
  attributes: Record<string, string>,
  hostPlatform: string,
): Promise<Attested> {
  const wanted = attestationsOf(attributes);
  const images: Attested['images'] = [];
  for (const image of built.images) {
    const attestations: Attestation[] = [];
    const settings = wanted.get('sbom');
    if (settings) attestations.push(...(await sbom(job, image, settings)));
    images.push({ ...image, attestations });
  }
  // The build has ended only now.
  const asked = wanted.get('provenance');
  const told = {
    ref: job.ref,
    started: job.started,
    finished: new Date(),
    attributes,
    source: built.source,
  };
  if (asked)
    for (const image of images) image.attestations.push(provenance(told, image, hostPlatform, asked));
  return { ...built, images };
}
