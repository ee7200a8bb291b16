import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type Header, pack as newPack, type Pack } from 'tar-stream';

type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

const piece = 256 * 1024;

/**
 * A tar stream of `folder/base` with all that is in it, whose entries are called `name` and what follows. Owners,
 * modes, times, links and devices are kept; sockets are left out. `counted` gets the bytes as they are read.
 */
export function packPath(
  folder: string,
  base: string,
  name: string,
  counted?: (bytes: number) => void,
): AsyncIterable<Buffer> {
  const pack = newPack();
  const work = addTree(pack, join(folder, base), name, new Map());
  work.then(
    () => pack.finalize(),
    (error: Error) => pack.destroy(error),
  );
  return (async function* () {
    for await (const chunk of pack) {
      counted?.((chunk as Buffer).length);
      yield chunk as Buffer;
    }
    await work;
  })();
}

async function addTree(pack: Pack, path: string, name: string, links: Map<string, string>): Promise<void> {
  const status = lstatSync(path);
  await addOne(pack, path, name, status, links);
  if (!status.isDirectory()) return;
  for (const child of readdirSync(path).sort())
    await addTree(pack, join(path, child), `${name}/${child}`, links);
}

async function addOne(
  pack: Pack,
  path: string,
  name: string,
  status: Stats,
  links: Map<string, string>,
): Promise<void> {
  const header: EntryHeader = {
    name,
    mode: status.mode & 0o7777,
    mtime: status.mtime,
    uid: status.uid,
    gid: status.gid,
  };
  if (status.isDirectory()) return entry(pack, { ...header, name: `${name}/`, type: 'directory' });
  if (status.isSymbolicLink())
    return entry(pack, { ...header, type: 'symlink', linkname: readlinkSync(path) });
  if (status.isFIFO()) return entry(pack, { ...header, type: 'fifo' });
  if (status.isSocket()) return;
  if (status.isCharacterDevice() || status.isBlockDevice())
    return entry(pack, {
      ...header,
      type: status.isBlockDevice() ? 'block-device' : 'character-device',
      ...deviceNumbers(status.rdev),
    });
  if (status.nlink > 1) {
    const key = `${status.dev}:${status.ino}`;
    const first = links.get(key);
    if (first !== undefined) return entry(pack, { ...header, type: 'link', linkname: first });
    links.set(key, name);
  }
  return file(pack, path, { ...header, type: 'file', size: status.size });
}

/** Linux's coding of a device's number: 12 bits of the major, 20 of the minor one, in four parts. */
function deviceNumbers(device: number): { devmajor: number; devminor: number } {
  const bits = BigInt(device);
  return {
    devmajor: Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n)),
    devminor: Number((bits & 0xffn) | ((bits >> 12n) & 0xffffff00n)),
  };
}

const entry = (pack: Pack, header: EntryHeader): Promise<void> =>
  new Promise((resolve, reject) => {
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });

/** Adds a file with the size it had when it was looked at, whatever happens to it meanwhile. */
async function file(pack: Pack, path: string, header: EntryHeader): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    let failure: Error | undefined;
    const ended = new Promise<void>((resolve, reject) => {
      const sink = pack.entry(header, (error) => (error ? reject(error) : resolve()));
      (async () => {
        for (let left = header.size!; left > 0; ) {
          const buffer = Buffer.alloc(Math.min(left, piece));
          const count = readSync(fd, buffer, 0, buffer.length, null);
          // A file that shrank is filled up with zeros.
          const bytes = count > 0 ? buffer.subarray(0, count) : buffer;
          left -= bytes.length;
          if (!sink.write(bytes)) await new Promise<void>((drained) => sink.once('drain', drained));
        }
        sink.end(null);
      })().catch((error: Error) => {
        failure = error;
        reject(error);
      });
    });
    await ended;
    if (failure) throw failure;
  } finally {
    closeSync(fd);
  }
}
