import {
  type BuildKitClient,
  GrpcError,
  goMode,
  goPermissions,
  hasMode,
  type Message,
  packetType,
  type Sent,
  unixPermissions,
} from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { Tree } from '../../tree.ts';
import { ByteQueue } from './byte-queue.ts';

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
  /** Told once, with all bytes (of names and files) that came. */
  onEnd?: (total: number) => void;
}

/**
 * Reads a folder of the client into a tree (FileSync.DiffCopy): first all names, then the bytes of each file.
 * @throws BerthError when the client refuses.
 */
export async function receiveTree(client: BuildKitClient, tree: Tree, options: Wanted): Promise<void> {
  const call = client.call('/moby.filesync.v1.FileSync/DiffCopy', 'Packet', 'Packet', {
    'dir-name': options.name,
    ...patterns('include-patterns', options.include),
    ...patterns('exclude-patterns', options.exclude),
    ...patterns('followpaths', options.follow),
  });
  const abort = () => call.cancel();
  options.signal.addEventListener('abort', abort, { once: true });
  const pending = new Map<number, ByteQueue>();
  const writes: Promise<void>[] = [];
  const stats: Stat[] = [];
  let bytes = 0;
  let asked = false;
  const slices = new Slices();
  try {
    for await (const packet of call.responses) {
      if (slices.due()) await slices.next();
      if (packet.type === packetType.error)
        throw new BerthError('invalid-parameter', `error from sender: ${packet.data.toString()}`);
      if (packet.type === packetType.stat) {
        if (packet.stat?.path) stats.push(packet.stat);
        else {
          asked = true;
          await requestFiles(tree, stats, call, pending, writes);
          if (pending.size === 0) await call.send({ type: packetType.fin });
        }
      } else if (packet.type === packetType.data) {
        const chunks = pending.get(packet.ID);
        if (!chunks) continue;
        const data = packet.data;
        if (data.length === 0) {
          chunks.end();
          pending.delete(packet.ID);
          if (pending.size === 0 && asked) await call.send({ type: packetType.fin });
        } else {
          bytes += data.length;
          options.onBytes?.(bytes);
          await chunks.push(data);
        }
      } else if (packet.type === packetType.fin) {
        call.end();
        break;
      }
    }
    await Promise.all(writes);
    options.onEnd?.(bytes);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof GrpcError)
      throw new BerthError(error.code === 5 ? 'not-found' : 'invalid-parameter', error.message, {
        cause: error,
      });
    throw error;
  } finally {
    options.signal.removeEventListener('abort', abort);
    for (const chunks of pending.values()) chunks.end();
  }
}

/** Makes what has no bytes, asks for the bytes of each file, and begins to write them as they come. */
async function requestFiles(
  tree: Tree,
  stats: readonly Stat[],
  call: { send(message: Sent<'Packet'>): Promise<void> },
  pending: Map<number, ByteQueue>,
  writes: Promise<void>[],
): Promise<void> {
  const requests: number[] = [];
  const slices = new Slices();
  for (const [id, stat] of stats.entries()) {
    if (slices.due()) await slices.next();
    const { path, mode } = stat;
    const attributes = {
      mode: unixPermissions(mode),
      uid: stat.uid,
      gid: stat.gid,
      mtime: new Date(Math.floor(stat.modTime / 1e6)),
      xattrs: xattrsOf(stat),
    };
    if (hasMode(mode, goMode.directory)) tree.addPlain(path, { ...attributes, type: 'directory' });
    else if (hasMode(mode, goMode.symlink))
      tree.addPlain(path, { ...attributes, type: 'symlink', target: stat.linkname });
    else if (hasMode(mode, goMode.pipe)) tree.addPlain(path, { ...attributes, type: 'fifo' });
    else if (hasMode(mode, goMode.device))
      tree.addPlain(path, {
        ...attributes,
        type: hasMode(mode, goMode.character) ? 'character-device' : 'block-device',
        devmajor: stat.devmajor,
        devminor: stat.devminor,
      });
    else if (hasMode(mode, goMode.socket)) continue;
    else if (stat.linkname) continue;
    else {
      const chunks = new ByteQueue();
      pending.set(id, chunks);
      requests.push(id);
      const write = tree.addBytes(path, stat.size, chunks, attributes);
      write.catch(() => undefined); // told once all are waited for
      writes.push(write);
    }
  }
  for (const id of requests) {
    await call.send({ type: packetType.request, ID: id });
    if (slices.due()) await slices.next();
  }
  // Hard links come as a regular file with a link name, after the file they share.
  const links = stats.filter((stat) => stat.linkname && !hasMode(stat.mode, goMode.symlink));
  if (links.length > 0)
    writes.push(
      Promise.all(writes.slice()).then(() =>
        links.forEach((stat) => void tree.addLink(stat.path, stat.linkname)),
      ),
    );
}

/**
 * Sends a tree to the client (`--output type=local`), which asks for the files it wants.
 * @returns the bytes of the files sent.
 */
export async function sendTree(client: BuildKitClient, exporter: number, tree: Tree): Promise<number> {
  let sent = 0;
  const call = client.call('/moby.filesync.v1.FileSend/DiffCopy', 'Packet', 'Packet', {
    'buildkit-attachable-exporter-id': String(exporter),
  });
  const paths = await tree.under('');
  const kinds = {
    file: 0,
    directory: goMode.directory,
    symlink: goMode.symlink,
    fifo: goMode.pipe,
    'character-device': goMode.device + goMode.character,
    'block-device': goMode.device,
  };
  const slices = new Slices();
  const walk = (async () => {
    for (const path of paths) {
      if (slices.due()) await slices.next();
      const entry = tree.entries.get(path)!;
      await call.send({
        type: packetType.stat,
        stat: {
          path,
          mode: kinds[entry.type] + goPermissions(entry.mode),
          uid: entry.uid,
          gid: entry.gid,
          size: entry.size,
          modTime: entry.mtime.getTime() * 1e6,
          linkname: entry.target,
          devmajor: entry.devmajor ?? 0,
          devminor: entry.devminor ?? 0,
        },
      });
    }
    await call.send({ type: packetType.stat });
  })();
  for await (const packet of call.responses) {
    if (packet.type === packetType.error)
      throw new BerthError('system', `error from receiver: ${packet.data.toString()}`);
    if (packet.type === packetType.request) {
      const entry = tree.entries.get(paths[packet.ID]!);
      if (entry?.type === 'file')
        for await (const chunk of tree.read(entry) as AsyncIterable<Buffer>) {
          await call.send({ type: packetType.data, ID: packet.ID, data: chunk });
          sent += chunk.length;
        }
      await call.send({ type: packetType.data, ID: packet.ID });
    } else if (packet.type === packetType.fin) {
      await call.send({ type: packetType.fin });
      call.end();
    }
  }
  await walk;
  return sent;
}

/** Header values must be ASCII; others are sent encoded, and a flag says so. */
function patterns(name: string, values: string[] | undefined): Record<string, string | string[]> {
  if (!values || values.length === 0) return {};
  const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
  return plain ? { [name]: values } : { [name]: values.map(encodeURIComponent), [`${name}-encoded`]: '1' };
}

function xattrsOf(stat: Stat): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stat.xattrs).map(([name, value]) => [`SCHILY.xattr.${name}`, value.toString('latin1')]),
  );
}
