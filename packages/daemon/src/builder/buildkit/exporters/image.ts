import { BerthError } from '../../../base/errors.ts';
import { credentialsHostOf, normalizedReference } from '../../../images/index.ts';
import { isTrue } from '../attributes.ts';
import type { Vertex } from '../progress/progress.ts';
import { builtOf, refuse } from './built.ts';
import type { Export } from './types.ts';

/** The image in the engine's own store, and in registries where it is to be pushed. */
export function exportImage(wanted: Export): Promise<Record<string, string>> {
  const { images, job, attributes } = wanted;
  refuse(attributes, ['push-by-digest', 'name-canonical', 'nydus-prefer']);
  const { compression = '' } = attributes;
  if (compression !== '' && compression !== 'gzip' && compression !== 'uncompressed')
    throw new BerthError(
      'unsupported',
      `the image exporter pushes layers as gzip: compression=${compression} is not supported`,
    );
  return job.progress.step('exporting to image', async (vertex) => {
    // Until the image has its names a prune would take it away.
    const releases: Array<() => void> = [];
    try {
      return await exported(wanted, vertex, (id) => void releases.push(images.building(id)));
    } finally {
      for (const release of releases) release();
    }
  });
}

/** `made` is told each image that is registered. */
async function exported(
  wanted: Export,
  vertex: Vertex,
  made: (id: string) => void,
): Promise<Record<string, string>> {
  const { images, result, attributes } = wanted;
  vertex.status('exporting layers', 0, 0, true);
  const names = (attributes['name'] ?? '').split(',').filter(Boolean).map(normalizedReference);
  const push = isTrue(attributes['push']);
  if (push && names.length === 0)
    throw new BerthError(
      'invalid-parameter',
      'tag is needed when pushing to registry: give the exporter a name',
    );
  const built = await builtOf(wanted, result, vertex);
  const [only] = built.images;
  let id: string;
  const response: Record<string, string> = {};
  if (built.special) {
    const registered = await images.registerIndex({ ...built, names, made });
    const { digest } = registered.descriptor;
    id = registered.id;
    vertex.status(`exporting manifest ${digest}`, 0, 0, true);
    response['containerimage.digest'] = digest;
    response['containerimage.descriptor'] = Buffer.from(JSON.stringify(registered.descriptor)).toString(
      'base64',
    );
  } else {
    id = await images.register(only!.config, made);
    response['containerimage.digest'] = id;
  }
  vertex.status(`writing image ${id}`, 0, 0, true);
  if (!built.index) response['containerimage.config.digest'] = id;
  for (const name of names) {
    await images.tag(id, name);
    vertex.status(`naming to ${name}`, 0, 0, true);
  }
  if (names.length > 0) response['image.name'] = names.join(',');
  if (push) for (const name of names) await pushed(wanted, name, response);
  return response;
}

/** Uploads the image by one of its names, with the client's credentials; the digest there is the one that counts. */
async function pushed(
  { images, job }: Export,
  name: string,
  response: Record<string, string>,
): Promise<void> {
  const session = await job.session!;
  await job.progress.step(`pushing ${name}`, async (vertex) => {
    const auth = await session.credentials(credentialsHostOf(name));
    let digest: string | undefined;
    await images.push({
      name,
      ...(auth && { auth }),
      signal: job.abort.signal,
      onProgress: ({ id, status, progressDetail, aux }) => {
        const detail = progressDetail as { current?: number; total?: number } | undefined;
        if (typeof id === 'string' && typeof status === 'string')
          vertex.status(`${status.toLowerCase()} layer ${id}`, detail?.current ?? 0, detail?.total ?? 0);
        digest = (aux as { Digest?: string } | undefined)?.Digest ?? digest;
      },
    });
    if (digest !== undefined) response['containerimage.digest'] = digest;
  });
}
