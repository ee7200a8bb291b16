import { type Readable, Transform } from 'node:stream';
import { invalidParameter } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import { applyChanges } from '../../dockerfile/changes.ts';
import type { ImageRunConfig, OnProgress } from '../api.ts';
import { digestOf, dockerConfig, timestamp } from '../config.ts';
import type { ImagesContext } from '../context.ts';
import { imageEvent } from '../events.ts';
import { hostPlatform, parsePlatform } from '../platforms.ts';
import { Meter } from '../progress.ts';
import { familiarString, parseRepositoryTag } from '../references.ts';

interface ImportOptions {
  reference?: string;
  tag?: string;
  message?: string;
  changes?: string[];
  platform?: string;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** Makes an image of one layer from a root file system's tar; returns its id. */
export async function importImage(
  context: ImagesContext,
  source: Readable | URL,
  options: ImportOptions,
): Promise<string> {
  const reference = parseRepositoryTag(options.reference, options.tag);
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform;
  if (platform.os !== 'linux') throw invalidParameter('operating system is not supported');
  const config = await applyChanges({}, options.changes ?? []);
  const tar = source instanceof URL ? await download(context, source, options) : source;
  const layer = await context.layers.add(tar, { signal: options.signal });
  const release = context.retention.lease([layer.diffId]);
  try {
    const created = timestamp();
    const comment = options.message || `Imported from ${source instanceof URL ? source.href : '-'}`;
    const raw = JSON.stringify({
      architecture: platform.architecture,
      ...(platform.variant ? { variant: platform.variant } : {}),
      comment,
      config: dockerConfig(config as ImageRunConfig),
      created,
      docker_version: VERSION,
      history: [{ created, comment }],
      os: platform.os,
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    });
    const id = digestOf(raw);
    await context.layers.durable([layer.diffId]);
    await context.recorded(() => {
      context.register(id, raw, { names: reference ? [reference] : [] });
      if (reference) context.catalogue.touch(id, timestamp());
    });
    if (reference) imageEvent(context, 'tag', id, familiarString(reference));
    imageEvent(context, 'import', id);
    return id;
  } finally {
    await release();
  }
}

async function download(context: ImagesContext, url: URL, options: ImportOptions): Promise<Readable> {
  const { body, length } = await (await import('./url.ts')).fetchUrl(context.settings, url, options.signal);
  options.onProgress({ status: `Downloading from ${url.href}` });
  const meter = new Meter(options.onProgress, 'Importing', '', length);
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      meter.add(chunk.length);
      done(null, chunk);
    },
  });
  body.on('error', (error) => counted.destroy(error));
  counted.on('close', () => body.destroy());
  return body.pipe(counted);
}
