import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Extract, type Header, extract as newExtract } from 'tar-stream';

type Entry = Extract extends AsyncIterable<infer T> ? T : never;

import { CliError } from '../base/errors.ts';

/**
 * Unpacks a tar stream into a folder. The archive comes out of a container and is not trusted: no entry reaches out of
 * the folder by its name, and none is written through a link that the archive itself made. Throws CliError.
 */
export async function unpack(
  body: AsyncIterable<Buffer>,
  folder: string,
  rename: (name: string) => string,
): Promise<void> {
  const extract = newExtract();
  const target = new Unpacking(folder, rename);
  const fed = (async () => {
    for await (const chunk of body)
      if (!extract.write(chunk)) await new Promise<void>((resolve) => extract.once('drain', () => resolve()));
    extract.end(null);
  })();
  fed.catch((error: Error) => extract.destroy(error));
  try {
    for await (const entry of extract) await target.add(entry);
    await fed;
  } finally {
    target.finish();
  }
}

class Unpacking {
  private readonly folder: string;
  private readonly rename: (name: string) => string;
  /** Links of the archive, by their path. */
  private readonly links = new Set<string>();
  /** Folders get their modes and times last: what is written into them would change these, or be refused. */
  private readonly folders: { path: string; header: Header }[] = [];

  constructor(folder: string, rename: (name: string) => string) {
    this.folder = folder;
    this.rename = rename;
  }

  /** The path of a name inside the folder. */
  private place(name: string): string {
    const clean = normalize(`/${name}`).replace(/\/+$/, '');
    if (normalize(name).split('/').includes('..'))
      throw new CliError(`the archive holds a name that leads out of it: ${JSON.stringify(name)}`);
    const path = join(this.folder, clean);
    for (let parent = dirname(path); parent.length > this.folder.length; parent = dirname(parent))
      if (this.links.has(parent))
        throw new CliError(
          `the archive holds ${JSON.stringify(name)}, which leads through a link of its own`,
        );
    return path;
  }

  async add(entry: Entry): Promise<void> {
    const { header } = entry;
    const name = this.rename(header.name);
    const path = this.place(name);
    const old = lstatSync(path, { throwIfNoEntry: false });
    const isFolder = header.type === 'directory';
    if (old?.isDirectory() && !isFolder)
      throw new CliError(
        `cannot overwrite directory ${JSON.stringify(path)} with non-directory ${JSON.stringify(name)}`,
      );
    if (old && isFolder && !old.isDirectory()) {
      // A link of the user's that leads to a folder is where he wants it.
      throw new CliError(
        `cannot overwrite non-directory ${JSON.stringify(path)} with directory ${JSON.stringify(name)}`,
      );
    }
    if (old && !isFolder) rmSync(path, { force: true });
    this.links.delete(path);
    mkdirSync(dirname(path), { recursive: true });
    await this.make(entry, path);
    entry.resume();
  }

  private async make(entry: Entry, path: string): Promise<void> {
    const { header } = entry;
    const mode = (header.mode ?? 0o644) & 0o7777;
    switch (header.type) {
      case 'directory':
        mkdirSync(path, { recursive: true, mode: 0o700 });
        this.folders.push({ path, header });
        return;
      case 'symlink':
        symlinkSync(header.linkname ?? '', path);
        this.links.add(path);
        if (header.mtime) lutimesSync(path, header.mtime, header.mtime);
        return;
      case 'link':
        linkSync(this.place(this.rename(header.linkname ?? '')), path);
        if (lstatSync(path).isSymbolicLink()) this.links.add(path);
        return;
      case 'fifo':
      case 'character-device':
      case 'block-device':
        special(header, path);
        chmodSync(path, mode);
        return;
      case 'file':
      case 'contiguous-file': {
        const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
        const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
        try {
          for await (const chunk of entry) {
            let rest = chunk as Buffer;
            while (rest.length) rest = rest.subarray(writeSync(fd, rest));
          }
        } finally {
          closeSync(fd);
        }
        chmodSync(path, mode);
        if (header.mtime) utimesSync(path, header.mtime, header.mtime);
      }
    }
  }

  finish(): void {
    for (const { path, header } of this.folders.reverse()) {
      chmodSync(path, (header.mode ?? 0o755) & 0o7777);
      if (header.mtime) utimesSync(path, header.mtime, header.mtime);
    }
  }
}

/** Makes a pipe or a device, for which Node has no call. */
function special(header: Header, path: string): void {
  const kind =
    header.type === 'fifo'
      ? ['p']
      : [header.type === 'block-device' ? 'b' : 'c', String(header.devmajor), String(header.devminor)];
  const { status, stderr } = spawnSync('mknod', [path, ...kind]);
  if (status !== 0) throw new CliError(`cannot make ${JSON.stringify(path)}: ${String(stderr ?? '').trim()}`);
}
