import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { LayerEntry } from './face.ts';
import type { Helper } from './helper.ts';

/** The members of a layer's tar, from its headers, as `berth-native layer entries` prints them. */
export async function* readEntries(helper: Helper, path: string): AsyncGenerator<LayerEntry> {
  const file = await open(path, 'r');
  const run = helper.start('entries', {}, [], [file.fd, 'pipe']);
  await file.close();
  try {
    for await (const line of createInterface({ input: run.child.stdout as Readable, crlfDelay: Infinity }))
      yield entry(JSON.parse(line));
    await run.report;
  } finally {
    run.child.kill('SIGKILL');
    await run.ended;
  }
}

function entry(raw: Omit<LayerEntry, 'whiteout'>): LayerEntry {
  const path = raw.path.replace(/^(\.?\/+)+/, '').replace(/\/+$/, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { ...raw, path, whiteout: name.startsWith('.wh.') };
}
