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
import { dirname, join } from 'node:path';
import {
  type Call,
  GrpcError,
  goMode,
  hasMode,
  type Message,
  packetType,
  unixPermissions,
} from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';

type Files = Call<'Packet', 'Packet'>;

/** One file as the builder described it. */
interface Told {
  path: string;
  mode: number;
  modTime: number;
  linkname: string;
}

/**
 * Answers FileSend.DiffCopy for `--output type=local`: writes the tree that the builder sends into a folder, which is
 * made when it is missing; what is there and not in the tree stays. The builder is not trusted: no name leads out of the
 * folder, by itself or through a link that was there or came with the tree.
 */
export async function receiveFolder(call: Files, folder: string): Promise<undefined> {
  mkdirSync(folder, { recursive: true });
  const receiver = new Receiver(call, folder);
  for await (const packet of call.requests) {
    if (packet.type === packetType.error) throw new GrpcError(2, String(packet.data));
    if (packet.type === packetType.stat) await receiver.told(packet.stat);
    else if (packet.type === packetType.data) await receiver.bytes(packet.ID, packet.data);
    else if (packet.type === packetType.fin) break;
  }
  receiver.finish();
}

class Receiver {
  private readonly call: Files;
  private readonly folder: string;
  private count = 0;
  private ended = false;
  private readonly files = new Map<number, { told: Told; fd: number }>();
  /** Hard links come before the bytes of the file they share; folders get their times when all is in them. */
  private readonly links: Told[] = [];
  private readonly folders: Told[] = [];

  constructor(call: Files, folder: string) {
    this.call = call;
    this.folder = folder;
  }

  async told(stat: Message<'Stat'> | null): Promise<void> {
    if (!stat?.path) {
      this.ended = true;
      return this.finIfDone();
    }
    const id = this.count++;
    const told: Told = {
      path: stat.path,
      mode: stat.mode,
      modTime: stat.modTime,
      linkname: stat.linkname,
    };
    const path = this.place(told.path);
    try {
      if (await this.make(told, path, id)) await this.call.send({ type: packetType.request, ID: id });
    } catch (error) {
      throw new CliError(`cannot write ${JSON.stringify(path)}: ${whyNot(error)}`);
    }
  }

  /** Makes a file of any kind; true when its bytes are still to come. */
  private async make(told: Told, path: string, id: number): Promise<boolean> {
    const { mode, linkname } = told;
    const old = lstatSync(path, { throwIfNoEntry: false });
    if (hasMode(mode, goMode.directory)) {
      if (old && !old.isDirectory()) rmSync(path);
      if (!old?.isDirectory()) mkdirSync(path, { mode: 0o700 });
      this.folders.push(told);
      return false;
    }
    if (old) rmSync(path, { recursive: true });
    if (hasMode(mode, goMode.symlink)) {
      symlinkSync(linkname, path);
      lutimesSync(path, told.modTime / 1e9, told.modTime / 1e9);
      return false;
    }
    if (hasMode(mode, goMode.device) || hasMode(mode, goMode.pipe) || hasMode(mode, goMode.socket))
      return false;
    if (linkname) {
      this.links.push(told);
      return false;
    }
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    this.files.set(id, { told, fd: openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) });
    return true;
  }

  async bytes(id: number, data: Buffer): Promise<void> {
    const file = this.files.get(id);
    if (!file) throw new GrpcError(3, `bytes of a file that was not asked for: ${id}`);
    for (let rest = data; rest.length > 0; ) rest = rest.subarray(writeSync(file.fd, rest));
    if (data.length > 0) return;
    closeSync(file.fd);
    this.files.delete(id);
    const path = this.place(file.told.path);
    chmodSync(path, unixPermissions(file.told.mode));
    utimesSync(path, file.told.modTime / 1e9, file.told.modTime / 1e9);
    return this.finIfDone();
  }

  private async finIfDone(): Promise<void> {
    if (this.ended && this.files.size === 0) await this.call.send({ type: packetType.fin });
  }

  /** Makes hard links and sets the modes and times of folders, which have to wait for all files. */
  finish(): void {
    for (const { path, linkname } of this.links) linkSync(this.place(linkname), this.place(path));
    for (const { path, mode, modTime } of this.folders.reverse()) {
      chmodSync(this.place(path), unixPermissions(mode));
      utimesSync(this.place(path), modTime / 1e9, modTime / 1e9);
    }
  }

  /** The path of a name inside the folder. @throws CliError for one that leads out of it or through a link. */
  private place(name: string): string {
    if (name.startsWith('/') || name.split('/').some((part) => part === '..' || part === '.' || part === ''))
      throw new CliError(`the builder sent a name that leads out of the folder: ${JSON.stringify(name)}`);
    const path = join(this.folder, name);
    for (let parent = dirname(path); parent.length > this.folder.length; parent = dirname(parent))
      if (lstatSync(parent, { throwIfNoEntry: false })?.isSymbolicLink())
        throw new CliError(`${JSON.stringify(name)} leads through the link ${JSON.stringify(parent)}`);
    return path;
  }
}
