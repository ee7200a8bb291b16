import type { Readable } from 'node:stream';

/** A finished layer: immutable, named by the digest of its uncompressed tar. */
export interface Layer {
  diffId: string; // sha256:...
  /** Bytes of its files, as `docker image ls` counts them (recorded when written). */
  size: number;
  /** Bytes of its uncompressed tar: `docker save` names them before it sends the tar. */
  tarSize: number;
}

/** A change that a container made: what `GET /containers/{id}/changes` sends. */
export interface Change {
  Path: string;
  Kind: 0 | 1 | 2; // modified, added, deleted
}

/** The parts of an overlay; `runtime` puts them into the launch. All are host paths that only the daemon can name. */
export interface RootFilesystem {
  /**
   * Lower layers, topmost first. `erofs`: an image to mount read-only (`device` lists the data blobs it refers to, if
   * any); `folder`: a directory.
   */
  lower: Array<{ kind: 'erofs'; image: string; devices: string[] } | { kind: 'folder'; path: string }>;
  upper: string;
  work: string;
  /** Skip syncing the upper layer (`--rm`). */
  volatile: boolean;
  /** The topmost lower layer has the engine's own mount points: a start need not make them. */
  places?: boolean;
}

/** The compression of a tar, told by its first bytes. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Trees of files with all that files have: owners, rights, times, extended attributes, hard links, holes. */
export interface Trees {
  /** Removes a folder with all that a container made in it, however deep; nothing where it is not there. */
  remove(folder: string): Promise<void>;
  /** Ends only when all was written; destroying it stops the work. @throws not-found */
  export(folder: string): Promise<Readable>;
  /** Unpacks a tar, compressed or not, into an empty folder, and writes it through. @throws invalid-parameter for a malformed one */
  import(folder: string, tar: Readable, signal?: AbortSignal): Promise<void>;
  /**
   * Copies a tree into an empty folder and writes it through; files share their data where the file system can.
   * @param options `always`: nothing is copied @throws unsupported where `always` can't be had
   */
  clone(
    from: string,
    to: string,
    options: { always: boolean; signal?: AbortSignal },
  ): Promise<{ shared: number; copied: number }>;
}

/** The layers of images, and the writable ones of containers. A diffId is the digest of a layer's uncompressed tar. */
export interface Layers {
  readonly driver: 'overlay-erofs' | 'overlay-folder';
  /**
   * Takes a layer's tar (compressed or not: told by its first bytes), checks it, hashes it and makes it mountable.
   * Returns the existing layer when it is known. Nothing is left when it fails or is aborted.
   * @throws invalid-parameter for a tar that is malformed or exceeds the limits; invalid-parameter when `expected` (the
   * diffId the image configuration names) differs.
   */
  add(
    tar: Readable | { path: string },
    options?: { expected?: string; signal?: AbortSignal },
  ): Promise<Layer>;
  /** Resolves when these layers are safe from a power cut: an image is acknowledged after that. @throws system */
  durable(diffIds: readonly string[]): Promise<void>;
  /** Writes the file system of a folder through to the disk. @throws system */
  writeThrough(folder: string): Promise<void>;
  /** The host paths that layers are mounted from, the topmost first; only those that are there. */
  paths(diffIds: readonly string[]): string[];
  /** Whether the layer is here. */
  has(diffId: string): boolean;
  /** The layer; undefined where it is not here. */
  get(diffId: string): Layer | undefined;
  /** Every layer, in no order. */
  list(): Layer[];
  /** Removes a layer that no image refers to; `images` decides. Waits for no container: the kernel keeps what is mounted. */
  remove(diffId: string): Promise<void>;
  /** The layer's uncompressed tar, byte for byte as it was hashed. */
  tar(diffId: string): Promise<Readable>;
  /** The files of these layers, for `openLayerReader` in another thread; whoever reads them holds a lease of `images`. */
  files(diffIds: readonly string[]): LayerFiles;

  /**
   * Makes a container's writable layer over `diffIds` (bottom first). `owner` is the container's id. `places`: the engine's
   * own mount points and `/.dockerenv`, by which programs tell that they run in a container, are there, in a layer between;
   * `marked`: only the latter, in the layer itself (where each step has another root, a layer between costs too much).
   */
  createWritable(
    owner: string,
    diffIds: string[],
    options?: { quotaBytes?: number; places?: boolean; marked?: boolean },
  ): Promise<void>;
  /** The overlay of a container's root; `volatile`: its upper layer is not synced. @throws not-found */
  rootFilesystem(owner: string, options?: { volatile?: boolean }): RootFilesystem;
  /**
   * The lower directories of an overlay of these layers (bottom first) that is only read.
   * @throws not-found when one is not here.
   */
  lower(diffIds: string[]): RootFilesystem['lower'];
  /** Takes a writable layer away. Succeeds when it is not there. */
  removeWritable(owner: string): Promise<void>;
  /** Takes a folder of the data root away at once; its bytes are free a moment later. Succeeds when it is not there. */
  discard(path: string): Promise<void>;
  /** The owners of all writable layers. */
  writables(): Promise<string[]>;
  /** Bytes in the writable layer, and bytes of all its layers (SizeRw, SizeRootFs). */
  writableSize(owner: string): Promise<{ rw: number; rootFs: number }>;
  /** Bytes of the files in a folder of the data root. @throws not-found, system */
  folderSize(folder: string): Promise<number>;
  readonly trees: Trees;
  /** The changes of a container: a JSON array with a line for each `Change`, which may be a million and is sent as it is. */
  changes(owner: string): Promise<Buffer[]>;
  /** The writable layer as a layer tar (whiteouts as `.wh.` entries), for commit. */
  diffTar(owner: string): Promise<Readable>;
  /**
   * The merged root of a container as seen from inside, for archive access: running (`pid` given: its own mount
   * namespace, so volumes and mounts are seen) or stopped (mounted privately by the helper, with `binds` added).
   * Every path is resolved by openat2(RESOLVE_IN_ROOT) in a helper process that has entered that root.
   */
  archive(
    owner: string,
    target: {
      pid?: number;
      /** Made in the root of one that does not run where it is missing. */
      folder?: string;
      binds?: Array<{ source: string; subpath?: string; destination: string; readonly: boolean }>;
    },
  ): Archive;
  /** Removes files that no record names (start-up). */
  reconcile(known: { diffIds: Set<string>; owners: Set<string> }): Promise<void>;
}

/** The facts of layers that a reader needs: plain data, which a thread can be given. Layers that are not here are left out. */
export interface LayerFiles {
  /** The path of berth-native. */
  binary: string;
  /** Paths of the layers' tars, by diffId. */
  tars: Record<string, string>;
}

/** Reads finished layers. @throws not-found for one that it was not opened for */
export interface LayerReader {
  /** Whether the reader was opened for the layer. */
  has(diffId: string): boolean;
  /** The layer's uncompressed tar. */
  tar(diffId: string): Promise<Readable>;
  /** The members of the layer's tar, from its headers. */
  entries(diffId: string): AsyncIterable<LayerEntry>;
}

/** One member of a layer's tar. */
export interface LayerEntry {
  path: string;
  type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'device' | 'fifo';
  size: number;
  whiteout: boolean;
  /** For hard and symbolic links. */
  target?: string;
  mode: number;
  digest?: string;
}

/** `docker cp`, `export` and `stat` on a container's root. */
export interface Archive {
  /** @throws not-found with dockerd's text (`Could not find the file /x in container <id>`). */
  stat(
    path: string,
  ): Promise<{ name: string; size: number; mode: number; mtime: string; linkTarget: string }>;
  /** The path as a tar whose entries begin with its base name (GET /archive); mode is Go's os.FileMode in `stat`. */
  get(path: string): Promise<{ stat: Awaited<ReturnType<Archive['stat']>>; tar: Readable }>;
  /** Unpacks a tar (any known compression) into a folder of the container (PUT /archive). */
  put(
    path: string,
    tar: Readable,
    options: {
      noOverwriteDirNonDir: boolean;
      /** The owner of all that is written (`user[:group]` by the root's own files); without it the owners in the archive. */
      owner?: string;
      signal?: AbortSignal;
    },
  ): Promise<void>;
  /** The ids of a `user[:group]`, by the root's own passwd and group files. @throws system when there is none. */
  user(spec: string): Promise<{ uid: number; gid: number }>;
  /** The whole root as one tar (GET /export). */
  export(): Promise<Readable>;
}
