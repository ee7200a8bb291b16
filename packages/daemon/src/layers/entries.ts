import { open } from 'node:fs/promises';
import { tarPath } from '../base/files/tar-paths.ts';
import type { LayerEntry } from './api.ts';
import type { Helper } from './helper.ts';
import { reading } from './reading.ts';

/** The members of a layer's tar, from its headers, as `berth-native layer entries` prints them. */
export async function* readEntries(helper: Helper, path: string): AsyncGenerator<LayerEntry> {
  const file = await open(path, 'r');
  // Read from at once: what a child that has ended wrote is thrown away when nobody reads.
  const lines = reading(helper.start('entries', {}, [], [file.fd, 'pipe'])).setEncoding('utf8');
  await file.close();
  let rest = '';
  for await (const chunk of lines) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    for (const line of parts) yield entry(JSON.parse(line));
  }
}

function entry(raw: Omit<LayerEntry, 'whiteout'>): LayerEntry {
  const path = tarPath(raw.path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { ...raw, path, whiteout: name.startsWith('.wh.') };
}
