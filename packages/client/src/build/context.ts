import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Header as FullHeader, type Pack, pack } from 'tar-stream';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';
import type { FolderSource } from './source.ts';

type Header = Partial<FullHeader> & { name: string };

/** Files up to this many bytes are read whole. */
const WHOLE_FILE = 1 << 20;

/** A build context on its way: a tar, and the name its Dockerfile has inside. */
export interface ContextTar {
  readonly body: AsyncIterable<Buffer>;
  readonly dockerfile: string;
  /** The text of the Dockerfile where that is all of the context. */
  readonly text?: Buffer;
}

/**
 * The tar of a folder: entries in the order of their names, owned by root as the daemon expects of a client's files,
 * hard links kept, sockets and what is ignored left out. Errors come out of the iteration.
 */
export function folderTar(source: FolderSource): ContextTar {
  const tar = pack();
  const outside = source.dockerfileText ? `.dockerfile.${randomBytes(10).toString('hex')}` : undefined;
  const walk = new Walk(tar, source, outside !== undefined);
  walk
    .folder('')
    .then(() => {
      if (outside) addDockerfile(tar, outside, source);
      tar.finalize();
    })
    .catch((error: Error) => tar.destroy(error));
  return { body: tar as unknown as AsyncIterable<Buffer>, dockerfile: outside ?? source.dockerfile! };
}

/** A Dockerfile from elsewhere goes under a name of its own, which `COPY .` does not see. */
function addDockerfile(tar: Pack, name: string, source: FolderSource): void {
  const rules = source.ignoreText
    ? `${source.ignoreText.replace(/\n?$/, '\n')}${name}\n`
    : `.dockerignore\n${name}\n`;
  const mtime = new Date(0);
  tar.entry({ name, mode: 0o600, mtime }, source.dockerfileText!);
  tar.entry({ name: '.dockerignore', mode: 0o644, mtime }, Buffer.from(rules));
}

/** The tar of a Dockerfile alone. */
export function dockerfileTar(text: Buffer): ContextTar {
  const tar = pack();
  tar.entry({ name: 'Dockerfile', mode: 0o600, mtime: new Date(0) }, text);
  tar.finalize();
  return { body: tar as unknown as AsyncIterable<Buffer>, dockerfile: 'Dockerfile', text };
}

class Walk {
  private readonly tar: Pack;
  private readonly source: FolderSource;
  /** The .dockerignore is written anew at the end. */
  private readonly ownIgnore: boolean;
  private readonly links = new Map<string, string>();

  constructor(tar: Pack, source: FolderSource, ownIgnore: boolean) {
    this.tar = tar;
    this.source = source;
    this.ownIgnore = ownIgnore;
  }

  async folder(path: string): Promise<void> {
    const { ignore, folder } = this.source;
    let names: string[];
    try {
      names = await readdir(join(folder, path));
    } catch (error) {
      throw unreadable(join(folder, path), error);
    }
    for (const name of names.sort()) {
      const inner = path ? `${path}/${name}` : name;
      if (this.ownIgnore && inner === '.dockerignore') continue;
      const ignored = ignore.ignores(inner);
      if (ignored && !ignore.mayHoldExceptions(inner)) continue;
      const stats = await lstat(join(folder, inner)).catch((error: unknown) => {
        throw new CliError(`error checking context: can't stat '${join(folder, inner)}': ${whyNot(error)}`);
      });
      if (!ignored) await this.add(inner, stats);
      if (stats.isDirectory()) await this.folder(inner);
    }
  }

  private async add(path: string, stats: Stats): Promise<void> {
    const header: Header = {
      name: path,
      mode: stats.mode & 0o7777,
      mtime: new Date(Math.trunc(stats.mtimeMs / 1000) * 1000),
      uid: 0,
      gid: 0,
    };
    if (stats.isFile()) return this.file(path, stats, header);
    if (stats.isDirectory()) this.tar.entry({ ...header, name: `${path}/`, type: 'directory' });
    else if (stats.isSymbolicLink()) {
      const linkname = await readlink(join(this.source.folder, path));
      this.tar.entry({ ...header, mode: 0o777, type: 'symlink', linkname });
    } else if (stats.isFIFO()) this.tar.entry({ ...header, type: 'fifo' });
    else if (stats.isCharacterDevice() || stats.isBlockDevice())
      this.tar.entry({
        ...header,
        type: stats.isBlockDevice() ? 'block-device' : 'character-device',
        devmajor: (stats.rdev >> 8) & 0xfff,
        devminor: (stats.rdev & 0xff) | ((stats.rdev >> 12) & 0xfff00),
      });
  }

  private async file(path: string, stats: Stats, header: Header): Promise<void> {
    const id = `${stats.dev}:${stats.ino}`;
    const first = stats.nlink > 1 ? this.links.get(id) : undefined;
    if (first !== undefined) {
      this.tar.entry({ ...header, type: 'link', linkname: first });
      return;
    }
    if (stats.nlink > 1) this.links.set(id, path);
    const full = join(this.source.folder, path);
    let file: FileHandle;
    try {
      file = await open(full, 'r');
    } catch (error) {
      throw unreadable(full, error);
    }
    try {
      // Its size may have changed since it was looked at; what the header says must be true.
      const { size } = await file.stat();
      if (size <= WHOLE_FILE) {
        const bytes = Buffer.allocUnsafe(size);
        await fill(file, bytes, full);
        await this.write(header, bytes);
      } else await this.stream(header, file, size, full);
    } finally {
      await file.close();
    }
  }

  private write(header: Header, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.tar.entry({ ...header, size: bytes.length }, bytes, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  private async stream(header: Header, file: FileHandle, size: number, path: string): Promise<void> {
    let failed: (error: Error) => void = () => undefined;
    const done = new Promise<void>((resolve, reject) => {
      failed = reject;
      const entry = this.tar.entry({ ...header, size }, (error) => (error ? reject(error) : resolve()));
      const copy = async (): Promise<void> => {
        for (let left = size; left > 0; ) {
          const bytes = Buffer.allocUnsafe(Math.min(WHOLE_FILE, left));
          await fill(file, bytes, path);
          left -= bytes.length;
          if (!entry.write(bytes)) await new Promise<void>((ready) => entry.once('drain', ready));
        }
        entry.end(undefined);
      };
      copy().catch(failed);
    });
    await done;
  }
}

/** Reads as many bytes as the buffer has. Throws CliError when the file ends before. */
async function fill(file: FileHandle, bytes: Buffer, path: string): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at);
    if (bytesRead === 0)
      throw new CliError(`error checking context: '${path}' became shorter while it was read`);
    at += bytesRead;
  }
}

function unreadable(path: string, error: unknown): CliError {
  return (error as NodeJS.ErrnoException).code === 'EACCES'
    ? new CliError(`error checking context: no permission to read from '${path}'`)
    : new CliError(`error checking context: open ${path}: ${whyNot(error)}`);
}
