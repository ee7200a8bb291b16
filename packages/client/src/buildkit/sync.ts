import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Call, GrpcError, goModeOf, packetType } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';
import { Filter, type Selection } from './selection.ts';

const CHUNK = 1 << 16;
/** Names that are read between two turns of the loop. */
const TURN = 256;

type Files = Call<'Packet', 'Packet'>;

/** Options of a look at a file that may be gone. */
const HERE_OR_NOT = { throwIfNoEntry: false } as const;

/** The folders that a builder may read, by the names it knows them under. */
export type Folders = Readonly<Record<string, string>>;

/**
 * Answers FileSync.DiffCopy: tells what is in a folder of this machine, then sends the files that the builder asks for.
 * The files belong to root there, as in every build context.
 */
export async function sendFolder(call: Files, folders: Folders): Promise<undefined> {
  const name = String(call.metadata['dir-name'] ?? '');
  const folder = Object.hasOwn(folders, name) ? folders[name]! : undefined;
  if (folder === undefined) throw new GrpcError(5, `no access allowed to dir ${JSON.stringify(name)}`);
  const sender = new Sender(call, folder);
  try {
    await sender.names(selectionOf(call));
    await sender.files();
  } catch (error) {
    if (call.signal.aborted) return;
    // BuildKit shows the text of a packet of this kind, and not the status of the call.
    await call.send({ type: packetType.error, data: Buffer.from((error as Error).message) });
  }
}

function selectionOf(call: Pick<Call, 'metadata' | 'values'>): Selection {
  const values = (key: string): string[] => {
    const found = call.values(key);
    return call.metadata[`${key}-encoded`] === '1' ? found.map(decodeURIComponent) : found;
  };
  return {
    include: values('include-patterns'),
    exclude: values('exclude-patterns'),
    follow: values('followpaths'),
  };
}

/** Names in the order of their bytes, which is that of their units of UTF-16 where there are no surrogates. */
function byBytes(names: string[]): string[] {
  if (names.every((name) => !/[\ud800-\uffff]/.test(name))) return names.sort();
  const keyed = names.map((name) => ({ name, key: Buffer.from(name) }));
  return keyed.sort((a, b) => a.key.compare(b.key)).map(({ name }) => name);
}

class Sender {
  private readonly call: Files;
  private readonly folder: string;
  /** The files by the number that the builder asks for them by: the position of their packet. */
  private readonly told: Array<string | undefined> = [];
  private readonly links = new Map<string, string>();
  private walked = 0;
  /** Folders that are only told when something in them is. */
  private readonly owed: Array<{ path: string; stats: Stats }> = [];

  constructor(call: Files, folder: string) {
    this.call = call;
    this.folder = folder;
  }

  /**
   * Sends the names, modes and sizes of all that is selected, in the order of a walk sorted by bytes. The folder is read by
   * calls that wait, a fifth of the time of those that do not; between files the connection has its turn.
   */
  async names(selection: Selection): Promise<void> {
    const filter = await Filter.of(this.folder, selection);
    await this.walk('', filter);
    await this.call.send({ type: packetType.stat });
  }

  private async walk(path: string, filter: Filter): Promise<void> {
    let names: string[];
    try {
      names = readdirSync(join(this.folder, path));
    } catch (error) {
      throw new CliError(`failed to read folder ${join(this.folder, path)}: ${whyNot(error)}`);
    }
    for (const name of byBytes(names)) {
      if (++this.walked % TURN === 0) {
        await setImmediate();
        this.call.signal.throwIfAborted();
      }
      const inner = path ? `${path}/${name}` : name;
      const taken = filter.takes(inner);
      if (!taken && !filter.enters(inner)) continue;
      // It may be gone since the folder was read.
      const stats = lstatSync(`${this.folder}/${inner}`, HERE_OR_NOT);
      if (!stats || stats.isSocket()) continue;
      // Most packets need no wait, and a promise for each of thousands takes longer than the packet.
      const full = taken ? this.tell(inner, stats) : undefined;
      if (full) await full;
      if (!stats.isDirectory() || !filter.enters(inner)) continue;
      if (!taken) this.owed.push({ path: inner, stats });
      await this.walk(inner, filter);
      if (!taken && this.owed.at(-1)?.path === inner) this.owed.pop();
    }
  }

  /** The promise, where there is one, is settled when more may be told. */
  private tell(path: string, stats: Stats): Promise<void> | undefined {
    if (this.owed.length > 0) for (const parent of this.owed.splice(0)) this.send(parent.path, parent.stats);
    return this.send(path, stats);
  }

  private send(path: string, stats: Stats): Promise<void> | undefined {
    const stat = {
      path,
      mode: goModeOf(stats),
      size: stats.isFile() ? stats.size : 0,
      // Nanoseconds since 1970 have more digits than a JavaScript number.
      modTime: `${Math.round(stats.mtimeMs * 1000)}000`,
      linkname: stats.isSymbolicLink() ? readlinkSync(join(this.folder, path)) : '',
      ...(stats.isBlockDevice() || stats.isCharacterDevice()
        ? {
            devmajor: (stats.rdev >> 8) & 0xfff,
            devminor: (stats.rdev & 0xff) | ((stats.rdev >> 12) & 0xfff00),
          }
        : {}),
    };
    if (stats.isFile() && stats.nlink > 1) {
      const id = `${stats.dev}:${stats.ino}`;
      const first = this.links.get(id);
      if (first === undefined) this.links.set(id, path);
      else Object.assign(stat, { linkname: first, size: 0 });
    }
    this.told.push(stats.isFile() ? path : undefined);
    return this.call.send({ type: packetType.stat, stat });
  }

  /** Sends the bytes of each file asked for, until the builder has all it wants. */
  async files(): Promise<void> {
    for await (const packet of this.call.requests) {
      if (packet.type === packetType.fin) {
        await this.call.send({ type: packetType.fin });
        return;
      }
      if (packet.type === packetType.error) throw new GrpcError(2, String(packet.data));
      if (packet.type !== packetType.request) continue;
      const path = this.told[packet.ID];
      if (path === undefined) throw new GrpcError(3, `there is no file ${packet.ID}`);
      await this.file(packet.ID, path);
    }
  }

  private async file(id: number, path: string): Promise<void> {
    const file = await open(join(this.folder, path), 'r').catch((error: unknown) => {
      throw new CliError(`open ${join(this.folder, path)}: ${whyNot(error)}`);
    });
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK);
        if (bytesRead === 0) break;
        await this.call.send({ type: packetType.data, ID: id, data: buffer.subarray(0, bytesRead) });
      }
    } finally {
      await file.close();
    }
    await this.call.send({ type: packetType.data, ID: id });
  }
}
