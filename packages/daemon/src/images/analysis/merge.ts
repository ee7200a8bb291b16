import type { LayerEntry } from '../../layers/api.ts';

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

const OPAQUE = '.wh..wh..opq';
const WHITEOUT = '.wh.';

/** The layers of an image put on one another, bottom first, with a record of everything that one hides of another. */
export class MergedTree {
  readonly layers: LayerCounts[] = [];
  readonly hidings: Hiding[] = [];
  /** All regular files of all layers. */
  readonly files: FileRecord[] = [];
  private readonly root: Node = {};

  /** Puts the next layer on top. */
  add(entries: readonly LayerEntry[]): void {
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
    for (const entry of entries) if (entry.whiteout) this.whiteout(entry.path, layer, deleted);
    const gone = new Map(deleted.map((hiding) => [hiding.file.path, hiding]));
    for (const entry of entries) {
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
        for (const hidden of filesOf(node)) this.hide(hidden, layer, file);
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

  /** Bytes below each folder that a container sees, and the layer that the folder came with. */
  directories(): Array<{ path: string; size: number }> {
    const found: Array<{ path: string; size: number }> = [];
    const walk = (node: Node, path: string): number => {
      let size = node.file?.type === 'file' ? node.file.size : 0;
      for (const [name, child] of node.children ?? []) size += walk(child, `${path}/${name}`);
      if (node.children && path !== '') found.push({ path, size });
      return size;
    };
    walk(this.root, '');
    return found;
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
        next = {};
        node.children.set(name, next);
      }
      node = next;
    }
    return node;
  }

  private whiteout(path: string, layer: number, deleted: Hiding[]): void {
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
      for (const file of filesOf(node)) {
        if (file.type === 'directory') continue;
        const hiding: Hiding = { file, by: layer };
        this.hidings.push(hiding);
        deleted.push(hiding);
      }
      parent.children.delete(child);
    }
  }
}

function* filesOf(node: Node): Generator<FileRecord> {
  if (node.file && node.file.type !== 'directory') yield node.file;
  for (const child of node.children?.values() ?? []) yield* filesOf(child);
}
