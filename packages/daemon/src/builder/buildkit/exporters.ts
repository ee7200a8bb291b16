import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Sent } from '@berth/grpc';
import { BerthError } from '../../base/errors.ts';
import type { Images } from '../../images/api.ts';
import { fullReference, normalizedReference } from '../../images/index.ts';
import { Tree } from '../tree.ts';
import { isTrue } from './attributes.ts';
import { inlineCache } from './cache/format.ts';
import type { Job } from './job.ts';
import type { Vertex } from './progress/progress.ts';
import { imageConfig } from './records.ts';
import type { StageResult } from './steps/step.ts';

const EXPORTERS = ['moby', 'image', 'oci', 'docker', 'tar', 'local'];

/** Looks at what a client wants to have before it is made. @throws unsupported for an exporter that is not known. */
export function checkExporters(exporters: ReadonlyArray<Sent<'Exporter'>>): void {
  for (const { Type } of exporters)
    if (!EXPORTERS.includes(Type ?? ''))
      throw new BerthError('unsupported', `exporter ${JSON.stringify(Type)} could not be found`);
}

/** Gives a result to one exporter. Returns what is told of it. @throws unsupported for an exporter that it does not know. */
export async function exportResult(
  images: Images,
  job: Job,
  result: StageResult,
  exporter: Sent<'Exporter'>,
  index: number,
): Promise<Record<string, string>> {
  const attributes: Record<string, string> = exporter.Attrs ?? {};
  switch (exporter.Type) {
    case 'moby':
    case 'image':
      return exportImage(images, job, result, attributes);
    case 'oci':
    case 'docker':
      return exportArchive(images, job, result, exporter.Type, attributes, index);
    case 'tar':
      await job.progress.step('exporting to client tarball', async (vertex) => {
        const session = await job.session!;
        await job.solver!.tar(result.snapshot, async (tar) =>
          session.sendFile(index, tar as AsyncIterable<Buffer>),
        );
        vertex.status('sending tarball', 0, 0, true);
      });
      return {};
    case 'local':
      await job.progress.step('exporting to client directory', async (vertex) => {
        const session = await job.session!;
        const tree = await Tree.create(join(job.folder, `export-${index}`));
        try {
          await job.solver!.tar(result.snapshot, (tar: Readable) => tree.addTar(tar));
          vertex.status('copying files', await session.sendTree(index, tree), 0, true);
        } finally {
          await tree.close();
        }
      });
      return {};
    default:
      throw new BerthError('unsupported', `exporter ${JSON.stringify(exporter.Type)} could not be found`);
  }
}

/** What is said of an image for which a client asks what cannot be done here. */
function refuse(attributes: Record<string, string>, names: readonly string[]): void {
  for (const name of names)
    if (isTrue(attributes[name]))
      throw new BerthError('unsupported', `the exporter's attribute ${name}=true is not supported`);
}

/** An image as a tar for the client, which nothing is kept of here. */
function exportArchive(
  images: Images,
  job: Job,
  result: StageResult,
  format: 'oci' | 'docker',
  attributes: Record<string, string>,
  index: number,
): Promise<Record<string, string>> {
  refuse(attributes, ['push', 'rewrite-timestamp', 'force-compression']);
  if (/^(0|f|false)$/i.test(attributes['tar'] ?? ''))
    throw new BerthError('unsupported', `the ${format} exporter writes a tar: tar=false is not supported`);
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
    const config = imageConfig(result, inline(job, result, vertex));
    const { id, descriptor, tar } = images.archive({ config, names, format, signal: job.abort.signal });
    vertex.status(`exporting manifest ${descriptor.digest}`, 0, 0, true);
    vertex.status(`exporting config ${id}`, 0, 0, true);
    await session.sendFile(index, tar as AsyncIterable<Buffer>);
    vertex.status('sending tarball', 0, 0, true);
    return {
      'containerimage.config.digest': id,
      'containerimage.digest': descriptor.digest,
      'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64'),
      ...(names.length > 0 ? { 'image.name': names.join(',') } : {}),
    };
  });
}

/** The inline cache of an image, where one is asked for. */
function inline(job: Job, result: StageResult, vertex: Vertex): string | undefined {
  if (!job.exports.inline) return undefined;
  vertex.status('preparing layers for inline cache', 0, 0, true);
  return inlineCache(result.snapshot.steps);
}

function exportImage(
  images: Images,
  job: Job,
  result: StageResult,
  attributes: Record<string, string>,
): Promise<Record<string, string>> {
  refuse(attributes, ['rewrite-timestamp']);
  return job.progress.step('exporting to image', async (vertex) => {
    vertex.status('exporting layers', 0, 0, true);
    const config = imageConfig(result, inline(job, result, vertex));
    const id = await images.register(config);
    vertex.status(`writing image ${id}`, 0, 0, true);
    const names = (attributes['name'] ?? '').split(',').filter(Boolean).map(normalizedReference);
    for (const name of names) {
      await images.tag(id, name);
      vertex.status(`naming to ${name}`, 0, 0, true);
    }
    const response: Record<string, string> = {
      'containerimage.digest': id,
      'containerimage.config.digest': id,
    };
    if (names.length > 0) response['image.name'] = names.join(',');
    return response;
  });
}
