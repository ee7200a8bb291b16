import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Message } from '@berth/grpc';
import { BerthError } from '../../base/errors.ts';
import type { Images } from '../../images/api.ts';
import { normalizedReference } from '../../images/index.ts';
import { Tree } from '../tree.ts';
import { inlineCache } from './cache/format.ts';
import type { Job } from './job.ts';
import { imageConfig } from './records.ts';
import type { StageResult } from './steps/step.ts';

/** Gives a result to one exporter. Returns what is told of it. @throws unsupported for an exporter that it does not know. */
export async function exportResult(
  images: Images,
  job: Job,
  result: StageResult,
  exporter: Message,
  index: number,
): Promise<Record<string, string>> {
  const attributes: Record<string, string> = exporter['Attrs'] ?? {};
  switch (exporter['Type']) {
    case 'moby':
    case 'image':
      return exportImage(images, job, result, attributes);
    case 'tar':
      await job.progress.step('sending tarball', async () => {
        const session = await job.session!;
        await job.solver!.tar(result.snapshot, async (tar) =>
          session.sendFile(index, tar as AsyncIterable<Buffer>),
        );
      });
      return {};
    case 'local':
      await job.progress.step('exporting to client directory', async () => {
        const session = await job.session!;
        const tree = await Tree.create(join(job.folder, `export-${index}`));
        try {
          await job.solver!.tar(result.snapshot, (tar: Readable) => tree.addTar(tar));
          await session.sendTree(index, tree);
        } finally {
          await tree.close();
        }
      });
      return {};
    default:
      throw new BerthError('unsupported', `exporter ${JSON.stringify(exporter['Type'])} could not be found`);
  }
}

function exportImage(
  images: Images,
  job: Job,
  result: StageResult,
  attributes: Record<string, string>,
): Promise<Record<string, string>> {
  return job.progress.step('exporting to image', async (vertex) => {
    vertex.status('exporting layers', 0, 0, true);
    const cache = job.exports.inline ? inlineCache(result.snapshot.steps) : undefined;
    if (cache !== undefined) vertex.status('preparing layers for inline cache', 0, 0, true);
    const config = imageConfig(result, cache);
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
