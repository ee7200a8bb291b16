import {
  type BuildKitClient,
  GrpcError,
  goMode,
  hasMode,
  type Message,
  packetType,
  unixPermissions,
} from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { TreeEntry } from '../../tree/entry.ts';
import type { Tree } from '../../tree/tree.ts';
import { ByteQueue } from './byte-queue.ts';
import type { RememberedFile } from './remembered.ts';

/** A file's name and attributes, as BuildKit's file protocol (fsutil) tells them before any bytes. */
type Stat = Message<'Stat'>;

/** The part of a client's folder that is wanted, and who hears of its bytes. */
export interface Wanted {
  name: string;
  include?: string[];
  exclude?: string[];
  follow?: string[];
  signal: AbortSignal;
  onBytes?: (total: number) => void;
  /** Told once, with the size of all packets that came, in bytes. */
  onEnd?: (total: number) => void;
  /** Files that were sent before: those that look the same are sent when they are read, if ever. */
  known?: ReadonlyMap<string, RememberedFile>;
  /** Has something done when bytes of known files will be needed: they are got before they change. */
  onMiss?: (work: () => void) => void;
  /** Told when bytes of a known file are not those that were known. */
  onChanged?: () => void;
}

/**
 * Reads a folder of the client into a tree (FileSync.DiffCopy): first all names, then the bytes of each file that is not
 * known. The call stays open until the tree is closed where the bytes of known files may be asked for.
 * @returns all files, as the next build will know them.
 * @throws BerthError when the client refuses.
 */
export async function receiveTree(
  client: BuildKitClient,
  tree: Tree,
  wanted: Wanted,
): Promise<RememberedFile[]> {
  const receiver = new Receiver(client, tree, wanted);
  tree.onClose(() => receiver.end());
  return receiver.run();
}

/** The size of the packet that ends a transfer, in bytes. */
const FIN_SIZE = 2;

class Receiver {
  private readonly tree: Tree;
  private readonly wanted: Wanted;
  private readonly call;
  /** Files whose bytes come, by the number of their packet. */
  private readonly coming = new Map<number, ByteQueue>();
  /** All that was told, by the number of its packet. */
  private readonly stats: Stat[] = [];
  /** Files that are asked for once one of them is read, each with the function that writes its bytes. */
  private readonly later = new Map<number, () => Promise<number>>();
  private asked = false;
  private ended = false;
  private failure: Error | undefined;

  constructor(client: BuildKitClient, tree: Tree, wanted: Wanted) {
    this.tree = tree;
    this.wanted = wanted;
    this.call = client.call('/moby.filesync.v1.FileSync/DiffCopy', 'Packet', 'Packet', {
      'dir-name': wanted.name,
      ...patterns('include-patterns', wanted.include),
      ...patterns('exclude-patterns', wanted.exclude),
      ...patterns('followpaths', wanted.follow),
    });
  }

  async run(): Promise<RememberedFile[]> {
    const abort = () => this.call.cancel();
    this.wanted.signal.addEventListener('abort', abort, { once: true });
    const told = Promise.withResolvers<void>();
    const read = this.read(told.resolve).finally(() =>
      this.wanted.signal.removeEventListener('abort', abort),
    );
    read.catch((error: Error) => {
      this.failure = this.reason(error);
      for (const queue of this.coming.values()) queue.end();
      told.reject(error);
    });
    try {
      await told.promise;
      const writes = await this.begin();
      await Promise.all(writes);
      if (this.later.size === 0) {
        this.end();
        await read;
      } else this.wanted.onMiss?.(() => this.askForRest());
    } catch (error) {
      this.end();
      throw this.reason(error as Error);
    }
    // BuildKit counts the packets, not the files in them; the client's last one is yet to come where the call is kept.
    this.wanted.onEnd?.(this.call.received() + (this.later.size > 0 ? FIN_SIZE : 0));
    return this.files();
  }

  /** Tells the client that no more is wanted. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    // The client may be gone: then nothing is to be told.
    void this.call.send({ type: packetType.fin }).catch(() => undefined);
  }

  private reason(error: Error): Error {
    if (this.wanted.signal.aborted) return this.wanted.signal.reason as Error;
    if (error instanceof BerthError) return error;
    if (!(error instanceof GrpcError))
      return new BerthError('system', `the client ended its session: ${error.message}`, { cause: error });
    const kind = error.code === 5 ? 'not-found' : 'invalid-parameter';
    return new BerthError(kind, error.message, { cause: error });
  }

  /** Reads packets until the client has ended, too. */
  private async read(told: () => void): Promise<void> {
    const slices = new Slices();
    for await (const packet of this.call.responses) {
      if (slices.due()) await slices.next();
      if (packet.type === packetType.error)
        throw new BerthError('invalid-parameter', `error from sender: ${packet.data.toString()}`);
      if (packet.type === packetType.fin) {
        this.call.end();
        break;
      }
      if (packet.type === packetType.stat) {
        if (packet.stat?.path) this.stats.push(packet.stat);
        else told();
      } else if (packet.type === packetType.data) await this.take(packet.ID, packet.data);
    }
    // Files that are still waited for would never come.
    if (!this.ended)
      throw new BerthError('invalid-parameter', 'the client ended before all of its files had come');
  }

  private async take(id: number, data: Buffer): Promise<void> {
    const queue = this.coming.get(id);
    if (!queue) return;
    if (data.length === 0) {
      queue.end();
      this.coming.delete(id);
      return;
    }
    this.wanted.onBytes?.(this.call.received());
    await queue.push(data);
  }

  /** Makes what has no bytes, asks for the bytes of each file that is not known, and begins to write them as they come. */
  private async begin(): Promise<Promise<void>[]> {
    const writes: Promise<void>[] = [];
    const slices = new Slices();
    const asked: number[] = [];
    for (const [id, stat] of this.stats.entries()) {
      if (slices.due()) await slices.next();
      const attributes = attributesOf(stat);
      const plain = plainEntry(stat);
      if (plain) this.tree.addPlain(stat.path, { ...attributes, ...plain });
      else if (isFile(stat)) {
        const known = this.wanted.known?.get(stat.path);
        if (known?.look === lookOf(stat)) this.addKnown(id, stat, known.digest);
        else {
          asked.push(id);
          const write = this.tree.addBytes(stat.path, stat.size, this.expect(id), attributes);
          write.catch(() => undefined); // told once all are waited for
          writes.push(write);
        }
      }
    }
    for (const id of asked) {
      await this.request(id);
      if (slices.due()) await slices.next();
    }
    // Hard links come as a regular file with a link name, after the file they share.
    const links = this.stats.filter((stat) => stat.linkname && !hasMode(stat.mode, goMode.symlink));
    if (links.length > 0)
      writes.push(
        Promise.all(writes.slice()).then(() => {
          for (const { path, linkname } of links) this.tree.addLink(path, linkname);
        }),
      );
    return writes;
  }

  private addKnown(id: number, stat: Stat, digest: string): void {
    const get = () => {
      this.askForRest();
      return this.expect(id);
    };
    const known = { size: stat.size, digest };
    this.later.set(id, this.tree.addKnown(stat.path, known, get, attributesOf(stat)));
  }

  /**
   * Asks for all files that were left out, once: whoever reads one reads most. Each is written as it comes, whoever reads
   * it: the bytes of one that is not would hold up the others.
   */
  private askForRest(): void {
    if (this.asked) return;
    this.asked = true;
    const ask = async () => {
      const slices = new Slices();
      for (const [id, write] of this.later) {
        if (this.ended) return;
        // A failure is the error of the step that reads the file. One after the tree was closed says nothing of the file.
        write().catch(() => this.ended || this.wanted.onChanged?.());
        await this.request(id);
        if (slices.due()) await slices.next();
      }
    };
    ask().catch(() => undefined); // ends the call, which ends what is waited for
  }

  /** The bytes of a file, as they come; the call's own error where it breaks off. */
  private expect(id: number): AsyncIterable<Buffer> {
    const queue = new ByteQueue();
    if (this.failure || this.ended) queue.end();
    else this.coming.set(id, queue);
    const failed = () => this.failure;
    return (async function* () {
      yield* queue;
      const error = failed();
      if (error) throw error;
    })();
  }

  private request(id: number): Promise<void> {
    return this.call.send({ type: packetType.request, ID: id });
  }

  private async files(): Promise<RememberedFile[]> {
    const files: RememberedFile[] = [];
    const slices = new Slices();
    for (const stat of this.stats) {
      const entry = isFile(stat) ? this.tree.entries.get(stat.path) : undefined;
      if (entry) files.push({ path: stat.path, look: lookOf(stat), digest: entry.digest });
      if (slices.due()) await slices.next();
    }
    return files;
  }
}

function attributesOf(stat: Stat) {
  const xattrs = Object.entries(stat.xattrs).map(([name, value]) => [
    `SCHILY.xattr.${name}`,
    value.toString('latin1'),
  ]);
  return {
    mode: unixPermissions(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    mtime: new Date(Math.floor(stat.modTime / 1e6)),
    xattrs: Object.fromEntries(xattrs) as Record<string, string>,
  };
}

/**
 * The entry of a directory, link, pipe or device, which have no bytes; undefined for a file, and for a socket, which no
 * layer has.
 */
function plainEntry(stat: Stat): (Pick<TreeEntry, 'type'> & Partial<TreeEntry>) | undefined {
  const { mode, linkname, devmajor, devminor } = stat;
  if (hasMode(mode, goMode.directory)) return { type: 'directory' };
  if (hasMode(mode, goMode.symlink)) return { type: 'symlink', target: linkname };
  if (hasMode(mode, goMode.pipe)) return { type: 'fifo' };
  if (!hasMode(mode, goMode.device)) return undefined;
  const type = hasMode(mode, goMode.character) ? 'character-device' : 'block-device';
  return { type, devmajor, devminor };
}

/** A file with bytes of its own: of a hard link the first name has them. */
const isFile = ({ mode, linkname }: Stat): boolean =>
  linkname === '' &&
  ![goMode.directory, goMode.symlink, goMode.pipe, goMode.device, goMode.socket].some((kind) =>
    hasMode(mode, kind),
  );

const lookOf = ({ size, modTime, mode, uid, gid }: Stat): string =>
  `${size} ${modTime} ${mode} ${uid} ${gid}`;

/** Header values must be ASCII; others are sent encoded, and a flag says so. */
function patterns(name: string, values: string[] | undefined): Record<string, string | string[]> {
  if (!values || values.length === 0) return {};
  const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
  return plain ? { [name]: values } : { [name]: values.map(encodeURIComponent), [`${name}-encoded`]: '1' };
}
