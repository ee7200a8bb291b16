import { unsupported } from '../../base/errors.ts';
import type { LayerEntry } from '../../layers/api.ts';
import { Largest, type SlicedWork } from './slicing.ts';

/** A file of one layer, as the analysis counts it. */
export interface FileRecord {
  path: string;
  layer: number;
  type: LayerEntry['type'];
  size: number;
  /** Set for those whose content had to be compared. */
  digest?: string;
}

/** A file of a lower layer that `by` hides: `above` is what stands there instead, absent where it was deleted. */
export interface Hiding {
  file: FileRecord;
  by: number;
  above?: FileRecord;
}

export interface LayerCounts {
  files: number;
  size: number;
  added: { files: number; size: number };
  changed: { files: number; size: number };
}

interface Node {
  file?: FileRecord;
  children?: Map<string, Node>;
}

/** Bytes of memory that a tree may take, and what an entry and a name of a path take of them besides their characters. */
const MOST_MEMORY = 512 * 1024 * 1024;
const ENTRY = 600;
const NAME = 400;

const OPAQUE = '.wh..wh..opq';
const WHITEOUT = '.wh.';

/** The layers of an image put on one another, bottom first, with a record of everything that one hides of another. */
export class MergedTree {
  readonly layers: LayerCounts[] = [];
  readonly hidings: Hiding[] = [];
  /** All regular files of all layers. */
  readonly files: FileRecord[] = [];
  private readonly root: Node = {};
  private readonly slices: SlicedWork;
  private memory = 0;

  constructor(slices: SlicedWork) {
    this.slices = slices;
  }

  /** Puts the next layer on top. @throws unsupported for an image of more files than memory is given for */
  async put(source: AsyncIterable<LayerEntry>): Promise<void> {
    const entries: LayerEntry[] = [];
    for await (const entry of source) {
      if (this.slices.due()) await this.slices.next();
      this.takes(ENTRY + 2 * entry.path.length);
      entries.push(entry);
    }
    await this.add(entries);
  }

  private takes(bytes: number): void {
    this.memory += bytes;
    if (this.memory > MOST_MEMORY)
      throw unsupported(
        'the image has more files than can be analysed: look at a smaller one that it is made of',
      );
  }

  private async add(entries: readonly LayerEntry[]): Promise<void> {
    const layer = this.layers.length;
    const counts: LayerCounts = {
      files: 0,
      size: 0,
      added: { files: 0, size: 0 },
      changed: { files: 0, size: 0 },
    };
    this.layers.push(counts);
    // A layer's whiteouts speak of the layers below it only, wherever they stand in its tar.
    const deleted: Hiding[] = [];
    for (const entry of entries) if (entry.whiteout) await this.whiteout(entry.path, layer, deleted);
    const gone = new Map<string, Hiding>();
    await this.slices.each(deleted, (hiding) => gone.set(hiding.file.path, hiding));
    for (const entry of entries) {
      if (this.slices.due()) await this.slices.next();
      if (entry.whiteout || entry.path === '' || entry.path === '.') continue;
      const path = `/${entry.path}`;
      // A hard link's bytes are counted where its target is.
      const size = entry.type === 'file' ? entry.size : 0;
      const file: FileRecord = { path, layer, type: entry.type, size };
      const node = this.reach(entry.path, layer, file);
      const below = node.file;
      if (file.type === 'directory') {
        if (below !== undefined && below.type !== 'directory') this.hide(below, layer);
        node.file = file;
        node.children ??= new Map();
        continue;
      }
      if (node.children) {
        await this.slices.each(filesOf(node), (hidden) => this.hide(hidden, layer, file));
        delete node.children;
      } else if (below !== undefined && below.layer < layer) this.hide(below, layer, file);
      else if (below !== undefined) {
        // The same name twice in one tar: the later one counts.
        counts.files -= 1;
        counts.size -= below.size;
      }
      node.file = file;
      counts.files += 1;
      counts.size += size;
      const again = gone.get(path);
      if (again) again.above = file;
      const count =
        again !== undefined || (below !== undefined && below.layer < layer) ? counts.changed : counts.added;
      count.files += 1;
      count.size += size;
      if (entry.type === 'file') this.files.push(file);
    }
  }

  /** The files that a container sees. */
  *visible(): Generator<FileRecord> {
    yield* filesOf(this.root);
  }

  /** The folders that a container sees with most bytes below them. */
  async directories(count: number): Promise<Array<{ path: string; size: number }>> {
    // A folder comes after those in it, and counts before them.
    const largest = new Largest<Folder>(count, 'last');
    const root: Folder = { name: '', parent: undefined, size: 0, left: childrenOf(this.root) };
    let folder: Folder | undefined = root;
    while (folder) {
      if (this.slices.due()) await this.slices.next();
      const next = folder.left.next();
      if (next.done) {
        if (folder.parent) {
          folder.parent.size += folder.size;
          largest.add(folder);
        }
        folder = folder.parent;
        continue;
      }
      const [name, node]: [string, Node] = next.value;
      if (node.file?.type === 'file') folder.size += node.file.size;
      if (node.children) folder = { name, parent: folder, size: 0, left: childrenOf(node) };
    }
    return largest.take().map((found) => ({ path: pathOf(found), size: found.size }));
  }

  private hide(file: FileRecord, by: number, above?: FileRecord): void {
    if (file.type === 'directory' || file.layer >= by) return;
    this.hidings.push({ file, by, ...(above ? { above } : {}) });
  }

  /** The node of a path, made with its parents; a parent that was a file below is hidden. */
  private reach(path: string, layer: number, above: FileRecord): Node {
    let node = this.root;
    for (const name of path.split('/')) {
      if (!node.children) {
        if (node.file && node.file.type !== 'directory') {
          this.hide(node.file, layer, above);
          delete node.file;
        }
        node.children = new Map();
      }
      let next = node.children.get(name);
      if (!next) {
        this.takes(NAME + 2 * name.length);
        next = {};
        node.children.set(name, next);
      }
      node = next;
    }
    return node;
  }

  private async whiteout(path: string, layer: number, deleted: Hiding[]): Promise<void> {
    if (this.slices.due()) await this.slices.next();
    const parts = path.split('/');
    const name = parts.pop()!;
    let parent: Node | undefined = this.root;
    for (const part of parts) parent = parent?.children?.get(part);
    if (!parent?.children) return;
    const target = name.slice(WHITEOUT.length);
    const doomed = name === OPAQUE ? [...parent.children.keys()] : [target];
    for (const child of doomed) {
      const node = parent.children.get(child);
      if (!node) continue;
      await this.slices.each(filesOf(node), (file) => {
        const hiding: Hiding = { file, by: layer };
        this.hidings.push(hiding);
        deleted.push(hiding);
      });
      parent.children.delete(child);
    }
  }
}

/** A folder on the way through the tree. */
interface Folder {
  name: string;
  parent: Folder | undefined;
  size: number;
  left: Iterator<[string, Node], undefined>;
}

const childrenOf = (node: Node): Folder['left'] => (node.children ?? new Map<string, Node>()).entries();

function pathOf(folder: Folder): string {
  const names: string[] = [];
  for (let at: Folder | undefined = folder; at; at = at.parent) names.push(at.name);
  return names.reverse().join('/');
}

/** The files of a node and below it, folders left out. A path may be thousands of names deep: nothing here recurses. */
function* filesOf(node: Node): Generator<FileRecord> {
  const left: Array<Iterator<Node, undefined>> = [[node].values()];
  while (left.length > 0) {
    const next = left.at(-1)!.next();
    if (next.done) {
      left.pop();
      continue;
    }
    const { file, children } = next.value;
    if (file && file.type !== 'directory') yield file;
    if (children) left.push(children.values());
  }
}
