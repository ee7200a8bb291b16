import { type BuildKitClient, GrpcError, goMode, hasMode, packetType } from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { Tree } from '../../tree/tree.ts';
import { ByteQueue } from './byte-queue.ts';
import { isName, Names } from './names.ts';
import type { RememberedFile } from './remembered.ts';
import { attributesOf, isFile, lookOf, plainEntry, type Stat } from './stats.ts';

/** The part of a client's folder that is wanted, and who hears of its bytes. */
export interface Asked {
  name: string;
  include?: string[];
  exclude?: string[];
  follow?: string[];
  signal: AbortSignal;
  onBytes?: (total: number) => void;
  /** Told once, with the size of all packets that came, in bytes. */
  onEnd?: (total: number) => void;
}

/** Files of a folder that the daemon has from an earlier transfer, before the client sends any. */
export interface Known {
  /** Files that were sent before: those that look the same are sent when they are read, if ever. */
  known?: ReadonlyMap<string, RememberedFile>;
  /** Has something done when bytes of known files will be needed: they are got before they change. */
  onMiss?: (work: () => void) => void;
  /** Told when bytes of a known file are not those that were known. */
  onChanged?: () => void;
}

export type Wanted = Asked & Known;

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
  const folder = await receiveNames(client, wanted);
  return folder.into(tree, wanted);
}

/** A folder of the client whose names have come. The call is open until it is ended, or all files have come. */
export interface ToldFolder {
  /** The digest of all names and attributes, and of a text. */
  digest(besides: string): string;
  /** Puts the files into a tree, which ends the call when it is closed. Once, at most. @throws BerthError as `receiveTree` */
  into(tree: Tree, known: Known): Promise<RememberedFile[]>;
  /** Tells that the names are all that is needed, until a file is. */
  enough(): void;
  end(): void;
}

/** Reads the names of a folder of the client, and no bytes yet. @throws BerthError when the client refuses. */
export async function receiveNames(client: BuildKitClient, asked: Asked): Promise<ToldFolder> {
  const receiver = new Receiver(client, asked);
  await receiver.begin();
  return receiver;
}

/** The size of the packet that ends a transfer, in bytes. */
const FIN_SIZE = 2;

class Receiver implements ToldFolder {
  private readonly asked: Asked;
  private readonly call;
  /** Files whose bytes come, by the number of their packet. */
  private readonly coming = new Map<number, ByteQueue>();
  private readonly names = new Names();
  /** Files that are asked for once one of them is read, each with the function that writes its bytes. */
  private readonly later = new Map<number, () => Promise<number>>();
  private reading: Promise<void> | undefined;
  private allAsked = false;
  private ended = false;
  private failure: Error | undefined;

  constructor(client: BuildKitClient, asked: Asked) {
    this.asked = asked;
    this.call = client.call('/moby.filesync.v1.FileSync/DiffCopy', 'Packet', 'Packet', {
      'dir-name': asked.name,
      ...patterns('include-patterns', asked.include),
      ...patterns('exclude-patterns', asked.exclude),
      ...patterns('followpaths', asked.follow),
    });
  }

  /** Done when all names are there; the reading goes on. */
  async begin(): Promise<void> {
    const { signal } = this.asked;
    const abort = () => this.call.cancel();
    signal.addEventListener('abort', abort, { once: true });
    const told = Promise.withResolvers<void>();
    this.reading = this.read(told.resolve).finally(() => signal.removeEventListener('abort', abort));
    this.reading.catch((error: Error) => {
      this.failure = this.reason(error);
      for (const queue of this.coming.values()) queue.end();
      told.reject(error);
    });
    await this.orEnd(told.promise);
  }

  digest(besides: string): string {
    return this.names.digest(besides);
  }

  async into(tree: Tree, known: Known): Promise<RememberedFile[]> {
    tree.onClose(() => this.end());
    return this.orEnd(this.fill(tree, known));
  }

  private async fill(tree: Tree, known: Known): Promise<RememberedFile[]> {
    const stats = await this.stats();
    await Promise.all(await this.add(tree, stats, known));
    if (this.later.size === 0) {
      this.end();
      await this.reading;
      this.asked.onEnd?.(this.call.received());
    } else {
      known.onMiss?.(() => this.askForRest(known));
      this.enough();
    }
    return this.files(tree, stats);
  }

  enough(): void {
    // BuildKit counts the packets, not the files in them; the client's last one is yet to come.
    this.asked.onEnd?.(this.call.received() + FIN_SIZE);
  }

  private async orEnd<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.end();
      throw this.reason(error as Error);
    }
  }

  /** Tells the client that no more is wanted. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    // The client may be gone: then nothing is to be told.
    void this.call.send({ type: packetType.fin }).catch(() => undefined);
  }

  private reason(error: Error): Error {
    if (this.asked.signal.aborted) return this.asked.signal.reason as Error;
    if (error instanceof BerthError) return error;
    if (!(error instanceof GrpcError))
      return new BerthError('system', `the client ended its session: ${error.message}`, { cause: error });
    const kind = error.code === 5 ? 'not-found' : 'invalid-parameter';
    return new BerthError(kind, error.message, { cause: error });
  }

  /** Reads packets until the client has ended, too. */
  private async read(told: () => void): Promise<void> {
    const slices = new Slices();
    for await (const bytes of this.call.encoded) {
      if (slices.due()) await slices.next();
      if (isName(bytes)) {
        this.names.add(bytes);
        continue;
      }
      const packet = this.call.decode(bytes);
      if (packet.type === packetType.error)
        throw new BerthError('invalid-parameter', `error from sender: ${packet.data.toString()}`);
      if (packet.type === packetType.fin) {
        this.call.end();
        break;
      }
      if (packet.type === packetType.stat) {
        if (packet.stat?.path) this.names.add(bytes);
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
    this.asked.onBytes?.(this.call.received());
    await queue.push(data);
  }

  /** All that was told, by the number of its packet. */
  private async stats(): Promise<Stat[]> {
    const stats: Stat[] = [];
    const slices = new Slices();
    for (const bytes of this.names.packets()) {
      if (slices.due()) await slices.next();
      const { stat } = this.call.decode(bytes);
      if (!stat?.path) throw new BerthError('invalid-parameter', 'the client told of a file without a name');
      stats.push(stat);
    }
    return stats;
  }

  /** Makes what has no bytes, asks for the bytes of each file that is not known, and begins to write them as they come. */
  private async add(tree: Tree, stats: readonly Stat[], known: Known): Promise<Promise<void>[]> {
    const writes: Promise<void>[] = [];
    const slices = new Slices();
    const asked: number[] = [];
    for (const [id, stat] of stats.entries()) {
      if (slices.due()) await slices.next();
      const attributes = attributesOf(stat);
      const plain = plainEntry(stat);
      if (plain) tree.addPlain(stat.path, { ...attributes, ...plain });
      else if (isFile(stat)) {
        const before = known.known?.get(stat.path);
        if (before?.look === lookOf(stat)) this.addKnown(tree, id, stat, before.digest, known);
        else {
          asked.push(id);
          const write = tree.addBytes(stat.path, stat.size, this.expect(id), attributes);
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
    const links = stats.filter((stat) => stat.linkname && !hasMode(stat.mode, goMode.symlink));
    if (links.length > 0)
      writes.push(
        Promise.all(writes.slice()).then(() => {
          for (const { path, linkname } of links) tree.addLink(path, linkname);
        }),
      );
    return writes;
  }

  private addKnown(tree: Tree, id: number, stat: Stat, digest: string, known: Known): void {
    const get = () => {
      this.askForRest(known);
      return this.expect(id);
    };
    const file = { size: stat.size, digest };
    this.later.set(id, tree.addKnown(stat.path, file, get, attributesOf(stat)));
  }

  /**
   * Asks for all files that were left out, once: whoever reads one reads most. Each is written as it comes, whoever reads
   * it: the bytes of one that is not would hold up the others.
   */
  private askForRest({ onChanged }: Known): void {
    if (this.allAsked) return;
    this.allAsked = true;
    const ask = async () => {
      const slices = new Slices();
      for (const [id, write] of this.later) {
        if (this.ended) return;
        // A failure is the error of the step that reads the file. One after the tree was closed says nothing of the file.
        write().catch(() => this.ended || onChanged?.());
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

  private async files(tree: Tree, stats: readonly Stat[]): Promise<RememberedFile[]> {
    const files: RememberedFile[] = [];
    const slices = new Slices();
    for (const stat of stats) {
      const entry = isFile(stat) ? tree.entries.get(stat.path) : undefined;
      if (entry) files.push({ path: stat.path, look: lookOf(stat), digest: entry.digest });
      if (slices.due()) await slices.next();
    }
    return files;
  }
}

/** Header values must be ASCII; others are sent encoded, and a flag says so. */
function patterns(name: string, values: string[] | undefined): Record<string, string | string[]> {
  if (!values || values.length === 0) return {};
  const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
  return plain ? { [name]: values } : { [name]: values.map(encodeURIComponent), [`${name}-encoded`]: '1' };
}
