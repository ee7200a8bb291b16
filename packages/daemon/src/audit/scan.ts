import { extract } from 'tar-stream';
import { tarPath } from '../base/files/tar-paths.ts';
import type { LayerReader } from '../layers/api.ts';
import { secretIn } from './secrets.ts';

/** The findings in the layers of an image; lists are bounded. */
export interface ImageScan {
  setuid: string[];
  worldWritable: string[];
  emptyPasswords: string[];
  secrets: Array<{ path: string; kind: string; layer: number }>;
  /** Folders of package managers with files in them that no program of the image reads. */
  caches: string[];
  /** Files of the build and of version control. */
  leftovers: string[];
  /** Names of users or groups that are one for the kernel. */
  sharedIds: string[];
}

/** So much of a file is searched, and files larger than the second are none that people write secrets into, in bytes. */
const SEARCHED = 64 * 1024;
const LARGEST = 1024 * 1024;
const MOST_FOUND = 50;
/** Files whose modes are remembered until a later layer hides them: of more, those that come first. */
const MOST_MODES = 20_000;
/** Places of packages: what looks like a key there is an example. */
const PACKAGED =
  /^(?:usr\/(?:lib|lib64|share|include|libexec)|lib|lib64)\/|\/(?:node_modules|site-packages|testdata|tests?)\//;
/** Folders of package managers whose files are fetched again when they are wanted. */
const CACHES =
  /^(var\/lib\/apt\/lists|var\/cache\/(?:apt\/archives|apk|yum|dnf|zypp|libdnf5)|root\/\.(?:npm|cache\/pip))\/(?!lock$|partial$|auxfiles$).+/;
/** Files of a build's context that no program needs: a build file by its whole name, a history with all that is below it. */
const LEFTOVERS =
  /^((?:.*?\/)?(?:(?:Dockerfile|Containerfile|(?:docker-)?compose\.ya?ml|\.dockerignore)$|\.(?:git|svn|vagrant)(?=\/|$)))/;
/** Folders in which everyone may write, by design, with the sticky bit. */
const SET_ID = 0o6000;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;

/** Reads the layers of an image (the lowest first), each once, as streams. A layer hides files of those below. */
export async function scanLayers(
  layers: Pick<LayerReader, 'tar' | 'has'>,
  diffIds: readonly string[],
  signal?: AbortSignal,
): Promise<ImageScan> {
  const found: ImageScan = {
    setuid: [],
    worldWritable: [],
    emptyPasswords: [],
    secrets: [],
    caches: [],
    leftovers: [],
    sharedIds: [],
  };
  const modes = new Map<string, { setuid: boolean; open: boolean }>();
  for (const [layer, diffId] of diffIds.entries())
    if (layers.has(diffId)) await scanLayer(await layers.tar(diffId), layer, found, modes, signal);
  for (const [path, { setuid, open }] of modes) {
    if (setuid && found.setuid.length < MOST_FOUND) found.setuid.push(`/${path}`);
    if (open && found.worldWritable.length < MOST_FOUND) found.worldWritable.push(`/${path}`);
  }
  return found;
}

async function scanLayer(
  tar: NodeJS.ReadableStream & { destroy(): void },
  layer: number,
  found: ImageScan,
  modes: Map<string, { setuid: boolean; open: boolean }>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = extract();
  tar.pipe(reader as unknown as NodeJS.WritableStream);
  tar.on('error', (error) => reader.destroy(error as Error));
  try {
    for await (const entry of reader) {
      signal?.throwIfAborted();
      const { name, mode = 0, type, size = 0 } = entry.header;
      const path = tarPath(name);
      const base = path.slice(path.lastIndexOf('/') + 1);
      if (base.startsWith('.wh.')) modes.delete(path.replace(/[^/]*$/, base.slice(4)));
      else {
        const file = type === 'file' || type === 'contiguous-file';
        const setuid = file && (mode & SET_ID) !== 0;
        const open = (mode & OTHERS_WRITE) !== 0 && (file || (type === 'directory' && (mode & STICKY) === 0));
        if (!setuid && !open) modes.delete(path);
        else if (modes.size < MOST_MODES || modes.has(path)) modes.set(path, { setuid, open });
        place(path, file && size > 0, found);
        if (file && size > 0 && size <= LARGEST && !PACKAGED.test(path)) {
          look(await beginning(entry), path, layer, found);
          continue;
        }
      }
      entry.resume();
    }
  } finally {
    tar.destroy();
  }
}

/** Notes a path that stands where none should. What a later layer removes is counted: it is fetched with the image. */
function place(path: string, hasBytes: boolean, { caches, leftovers }: ImageScan): void {
  const cache = hasBytes ? CACHES.exec(path)?.[1] : undefined;
  if (cache && !caches.includes(`/${cache}`)) caches.push(`/${cache}`);
  const left = PACKAGED.test(path) ? undefined : LEFTOVERS.exec(path)?.[1];
  if (left && !leftovers.includes(`/${left}`) && leftovers.length < MOST_FOUND) leftovers.push(`/${left}`);
}

async function beginning(entry: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  // All of it is read, or the next entry would not come.
  for await (const part of entry) {
    if (size < SEARCHED) parts.push(part as Buffer);
    size += (part as Buffer).length;
  }
  return Buffer.concat(parts).toString('latin1', 0, SEARCHED);
}

function look(text: string, path: string, layer: number, found: ImageScan): void {
  if (path === 'etc/shadow')
    found.emptyPasswords = [...text.matchAll(/^([^:\n]+)::/gm)].map(([, user]) => user!);
  if (path === 'etc/passwd' || path === 'etc/group')
    found.sharedIds = [
      ...found.sharedIds.filter((one) => !one.startsWith(`/${path}:`)),
      ...sharedIds(text).map((names) => `/${path}: ${names}`),
    ];
  const kind = secretIn(text);
  if (kind && found.secrets.length < MOST_FOUND) found.secrets.push({ path: `/${path}`, kind, layer });
}

/** The lines of passwd(5) or group(5) that share a number, as `a, b have 1000`. */
function sharedIds(text: string): string[] {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (!name || !id) continue;
    const same = names.get(id);
    if (same) same.push(name);
    else names.set(id, [name]);
  }
  return [...names]
    .filter(([, of]) => of.length > 1)
    .slice(0, MOST_FOUND)
    .map(([id, of]) => `${of.slice(0, MOST_FOUND).join(', ')} have ${id}`);
}
