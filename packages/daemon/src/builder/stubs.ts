import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Archive } from '../layers/api.ts';
import { writeBody, writtenTar } from './tree/written.ts';

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
  return writtenTar(async (out) => {
    const reader = extract();
    tar.on('error', (error) => reader.destroy(error));
    tar.pipe(reader as unknown as NodeJS.WritableStream);
    try {
      for await (const entry of reader) {
        const { header } = entry;
        if (stubs.has(posix.resolve('/', header.name)) && (header.size ?? 0) === 0) entry.resume();
        else await writeBody(out, header, entry as unknown as NodeJS.ReadableStream);
      }
    } finally {
      tar.destroy();
    }
  });
}
