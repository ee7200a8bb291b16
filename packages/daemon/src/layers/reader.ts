import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { notFound } from '../base/errors.ts';
import type { LayerEntry, LayerFiles, LayerReader } from './api.ts';
import { readEntries } from './entries.ts';
import { createHelper } from './helper.ts';

/** Reads layers by their files, in whatever thread it is opened. */
export function openLayerReader({ binary, tars }: LayerFiles): LayerReader {
  const helper = createHelper(binary);
  const pathOf = (diffId: string): string => {
    const path = tars[diffId];
    if (path === undefined) throw notFound(`layer ${diffId} does not exist`);
    return path;
  };
  return {
    has: (diffId) => tars[diffId] !== undefined,
    tar: (diffId) => openTar(pathOf(diffId)),
    entries: (diffId): AsyncIterable<LayerEntry> => readEntries(helper, pathOf(diffId)),
  };
}

/** Opened before it is promised: a removal does not take it away from its reader any more. */
export async function openTar(path: string): Promise<Readable> {
  const file = await open(path, 'r');
  return file.createReadStream({ highWaterMark: 1 << 18 });
}
