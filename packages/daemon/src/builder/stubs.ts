import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import type { Archive } from '../layers/api.ts';

/** The paths among `targets` and the folders above them that a root does not have: what mounting there will make. */
export async function missingPlaces(archive: Archive, targets: string[]): Promise<Set<string>> {
  const missing = new Set<string>();
  for (const target of targets) {
    for (let path = posix.resolve('/', target); path !== '/'; path = posix.dirname(path)) {
      if (missing.has(path)) break;
      const there = await archive.stat(path).then(
        () => true,
        () => false,
      );
      if (there) break;
      missing.add(path);
    }
  }
  return missing;
}

/** A layer's tar without the empty files and folders that were made for a step's mounts to lie on. */
export function withoutStubs(tar: Readable, stubs: ReadonlySet<string>): Readable {
  const out = pack();
  const reader = extract();
  // Whoever takes it may fail and read no more: then no entry may be added, and nothing more is read.
  out.on('close', () => {
    reader.destroy();
    tar.destroy();
  });
  reader.on('entry', (header, body, next) => {
    if (out.destroyed) return;
    if (stubs.has(posix.resolve('/', header.name)) && (header.size ?? 0) === 0) {
      body.resume();
      body.on('end', next);
      return;
    }
    body.pipe(out.entry(header, next));
  });
  reader.on('finish', () => out.finalize());
  reader.on('error', (error: Error) => out.destroy(error));
  tar.on('error', (error) => reader.destroy(error));
  tar.pipe(reader as unknown as NodeJS.WritableStream);
  return Readable.from(out, { objectMode: false });
}
