import { BerthError } from '../../../base/errors.ts';
import { fullReference } from '../../../images/index.ts';
import { builtOf, refuse } from './built.ts';
import { sendLayout } from './content.ts';
import type { Export } from './types.ts';

/** An image as a tar for the client, or as an OCI layout in a folder of it, which nothing is kept of here. */
export function exportArchive(wanted: Export, format: 'oci' | 'docker'): Promise<Record<string, string>> {
  const { images, job, result, attributes, index } = wanted;
  refuse(attributes, ['push', 'force-compression']);
  const asFolder = /^(0|f|false)$/i.test(attributes['tar'] ?? '');
  const { compression } = attributes;
  if (compression && compression !== 'uncompressed')
    throw new BerthError(
      'unsupported',
      `the ${format} exporter writes layers as they are: compression=${compression} is not supported`,
    );
  const title = format === 'oci' ? 'exporting to oci image format' : 'exporting to docker image format';
  return job.progress.step(title, async (vertex) => {
    const session = await job.session!;
    vertex.status('exporting layers', 0, 0, true);
    const names = (attributes['name'] ?? '').split(',').filter(Boolean).map(fullReference);
    const built = await builtOf(wanted, result, vertex);
    const { id, descriptor, tar } = images.archive({ ...built, names, format, signal: job.abort.signal });
    vertex.status(`exporting manifest ${descriptor.digest}`, 0, 0, true);
    if (!built.index) vertex.status(`exporting config ${id}`, 0, 0, true);
    if (asFolder) {
      await sendLayout(session, tar);
      vertex.status('sending blobs', 0, 0, true);
    } else {
      await session.sendFile(index, tar as AsyncIterable<Buffer>);
      vertex.status('sending tarball', 0, 0, true);
    }
    return {
      ...(!built.index && { 'containerimage.config.digest': id }),
      'containerimage.digest': descriptor.digest,
      'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64'),
      ...(names.length > 0 ? { 'image.name': names.join(',') } : {}),
    };
  });
}
