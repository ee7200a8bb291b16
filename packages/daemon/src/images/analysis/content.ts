import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import { tarPath } from '../../base/files/tar-paths.ts';
import type { LayerReader } from '../../layers/api.ts';
import type { FileRecord, MergedTree } from './merge.ts';
import type { SlicedWork } from './slicing.ts';

/** Smaller files of the same content are not worth a mention. */
const SMALLEST_DUPLICATE = 4096; // bytes

/**
 * Gives digests to the files whose content is to be compared, and to no others: those that replace one of the same
 * size, and those that have the size of another.
 */
export async function compareContents(
  layers: LayerReader,
  diffIds: readonly string[],
  tree: MergedTree,
  slices: SlicedWork,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = await candidates(tree, slices);
  for (const [index, diffId] of diffIds.entries()) {
    const files = wanted.get(index);
    if (files) await digestFiles(layers, diffId, files, signal);
  }
}

async function candidates(
  tree: MergedTree,
  slices: SlicedWork,
): Promise<Map<number, Map<string, FileRecord>>> {
  const wanted = new Map<number, Map<string, FileRecord>>();
  const want = (file: FileRecord) => {
    let files = wanted.get(file.layer);
    if (!files) {
      files = new Map();
      wanted.set(file.layer, files);
    }
    files.set(file.path, file);
  };
  await slices.each(tree.hidings, ({ file, above }) => {
    if (above && file.size > 0 && above.size === file.size && above.path === file.path) {
      want(file);
      want(above);
    }
  });
  const bySize = new Map<number, FileRecord[]>();
  await slices.each(tree.visible(), (file) => {
    if (file.type !== 'file' || file.size < SMALLEST_DUPLICATE) return;
    const same = bySize.get(file.size);
    if (same) same.push(file);
    else bySize.set(file.size, [file]);
  });
  for (const same of bySize.values()) if (same.length > 1) await slices.each(same, want);
  return wanted;
}

async function digestFiles(
  layers: LayerReader,
  diffId: string,
  files: Map<string, FileRecord>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = extract();
  const tar = await layers.tar(diffId);
  let left = files.size;
  const stop = () => tar.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      reader.on('entry', ({ name, type }, content, next) => {
        const file = files.get(`/${tarPath(name)}`);
        const hash =
          file && (type === 'file' || type === 'contiguous-file') ? createHash('sha256') : undefined;
        if (hash) content.on('data', (chunk) => hash.update(chunk as Buffer));
        else content.resume();
        content.on('end', () => {
          if (hash) {
            file!.digest = `sha256:${hash.digest('hex')}`;
            left -= 1;
          }
          // The entries after the last one that matters need not be read.
          if (left === 0) resolve();
          else next();
        });
      });
      reader.on('finish', resolve);
      reader.on('error', reject);
      tar.on('error', reject);
      tar.on(
        'close',
        () => tar.readableEnded || reject(signal?.reason ?? new Error('the layer ended early')),
      );
      tar.pipe(reader as unknown as NodeJS.WritableStream);
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    tar.unpipe();
    tar.destroy();
    reader.destroy();
  }
}
