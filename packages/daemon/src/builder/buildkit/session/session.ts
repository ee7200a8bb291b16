import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  GrpcClient,
  GrpcError,
  goMode,
  goPermissions,
  hasMode,
  type Message,
  packetType,
  unixPermissions,
} from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import type { RegistryAuth } from '../../../images/api.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { Tree } from '../../tree.ts';

/** A client's side of a build: it serves its files, credentials and secrets over the connection it opened. */
export class Session {
  readonly id: string;
  readonly client: GrpcClient;
  private readonly methods: Set<string>;

  constructor(id: string, connection: Duplex, methods: string[]) {
    this.id = id;
    this.client = new GrpcClient(connection);
    this.methods = new Set(methods.map((method) => method.toLowerCase()));
  }

  supports(path: string): boolean {
    return this.methods.has(path.toLowerCase());
  }

  /**
   * Reads a folder of the client into a tree (FileSync.DiffCopy): first all names, then the bytes of each file.
   * @throws BerthError when the client refuses.
   */
  async files(
    tree: Tree,
    options: {
      name: string;
      include?: string[];
      exclude?: string[];
      follow?: string[];
      signal: AbortSignal;
      onBytes?: (total: number) => void;
      /** Told once, with all bytes (of names and files) that came. */
      onEnd?: (total: number) => void;
    },
  ): Promise<void> {
    const call = this.client.call('/moby.filesync.v1.FileSync/DiffCopy', 'Packet', 'Packet', {
      'dir-name': options.name,
      ...patterns('include-patterns', options.include),
      ...patterns('exclude-patterns', options.exclude),
      ...patterns('followpaths', options.follow),
    });
    const abort = () => call.cancel();
    options.signal.addEventListener('abort', abort, { once: true });
    const pending = new Map<number, { stat: Message; chunks: AsyncQueue }>();
    const writes: Promise<void>[] = [];
    const stats: Message[] = [];
    let bytes = 0;
    let asked = false;
    const slices = new Slices();
    try {
      for await (const packet of call.responses) {
        if (slices.due()) await slices.next();
        if (packet['type'] === packetType.error)
          throw new BerthError(
            'invalid-parameter',
            `error from sender: ${(packet['data'] as Buffer).toString()}`,
          );
        if (packet['type'] === packetType.stat) {
          if (packet['stat']?.path) stats.push(packet['stat']);
          else {
            stats.push({});
            asked = true;
            await this.request(tree, stats.slice(0, -1), call, pending, writes);
            if (pending.size === 0) await call.send({ type: packetType.fin });
          }
        } else if (packet['type'] === packetType.data) {
          const file = pending.get(packet['ID']);
          if (!file) continue;
          const data = packet['data'] as Buffer;
          if (data.length === 0) {
            file.chunks.end();
            pending.delete(packet['ID']);
            if (pending.size === 0 && asked) await call.send({ type: packetType.fin });
          } else {
            bytes += data.length;
            options.onBytes?.(bytes);
            await file.chunks.push(data);
          }
        } else if (packet['type'] === packetType.fin) {
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
      for (const { chunks } of pending.values()) chunks.end();
    }
  }

  private async request(
    tree: Tree,
    stats: Message[],
    call: { send(message: Message): Promise<void> },
    pending: Map<number, { stat: Message; chunks: AsyncQueue }>,
    writes: Promise<void>[],
  ): Promise<void> {
    const requests: number[] = [];
    const slices = new Slices();
    for (const [id, stat] of stats.entries()) {
      if (slices.due()) await slices.next();
      const { path, mode } = stat;
      const attributes = {
        mode: unixPermissions(mode),
        uid: stat['uid'],
        gid: stat['gid'],
        mtime: new Date(Math.floor(stat['modTime'] / 1e6)),
        xattrs: xattrsOf(stat),
      };
      if (hasMode(mode, goMode.directory)) tree.addPlain(path, { ...attributes, type: 'directory' });
      else if (hasMode(mode, goMode.symlink))
        tree.addPlain(path, { ...attributes, type: 'symlink', target: stat['linkname'] });
      else if (hasMode(mode, goMode.pipe)) tree.addPlain(path, { ...attributes, type: 'fifo' });
      else if (hasMode(mode, goMode.device))
        tree.addPlain(path, {
          ...attributes,
          type: hasMode(mode, goMode.character) ? 'character-device' : 'block-device',
          devmajor: stat['devmajor'],
          devminor: stat['devminor'],
        });
      else if (hasMode(mode, goMode.socket)) continue;
      else if (stat['linkname']) continue;
      else {
        const chunks = new AsyncQueue();
        pending.set(id, { stat, chunks });
        requests.push(id);
        const write = tree.addBytes(path, stat['size'], chunks, attributes);
        write.catch(() => undefined); // told once all are waited for
        writes.push(write);
      }
    }
    for (const id of requests) {
      await call.send({ type: packetType.request, ID: id });
      if (slices.due()) await slices.next();
    }
    // Hard links come as a regular file with a link name, after the file they share.
    const links = stats.filter((stat) => stat['linkname'] && !hasMode(stat['mode'], goMode.symlink));
    if (links.length > 0)
      writes.push(
        Promise.all(writes.slice()).then(() =>
          links.forEach((stat) => void tree.addLink(stat['path'], stat['linkname'])),
        ),
      );
  }

  /** Credentials for a registry; undefined where the client has none. */
  async credentials(host: string): Promise<RegistryAuth | undefined> {
    if (!this.supports('/moby.filesync.v1.Auth/Credentials')) return undefined;
    try {
      const { Username, Secret } = await this.client.unary(
        '/moby.filesync.v1.Auth/Credentials',
        'CredentialsRequest',
        'CredentialsResponse',
        { Host: host },
      );
      if (!Username && !Secret) return undefined;
      return Username
        ? { username: Username, password: Secret, serveraddress: host }
        : { identitytoken: Secret, serveraddress: host };
    } catch {
      return undefined;
    }
  }

  /** A secret's bytes; undefined when the client does not have it. */
  async secret(id: string): Promise<Buffer | undefined> {
    if (!this.supports('/moby.buildkit.secrets.v1.Secrets/GetSecret')) return undefined;
    try {
      const { data } = await this.client.unary(
        '/moby.buildkit.secrets.v1.Secrets/GetSecret',
        'GetSecretRequest',
        'GetSecretResponse',
        { ID: id },
      );
      return data as Buffer;
    } catch (error) {
      if (error instanceof GrpcError && error.code === 5) return undefined;
      throw error;
    }
  }

  /** The archive that the client was given on its standard input (`docker build -`). */
  async *upload(url: string): AsyncGenerator<Buffer> {
    const call = this.client.call('/moby.upload.v1.Upload/Pull', 'BytesMessage', 'BytesMessage', {
      urlpath: new URL(url).pathname,
    });
    call.end();
    for await (const { data } of call.responses) yield data as Buffer;
  }

  /** Sends one file to the client (`--output type=tar`). */
  async sendFile(
    exporter: number,
    chunks: AsyncIterable<Buffer>,
    metadata: Record<string, string> = {},
  ): Promise<void> {
    const call = this.client.call('/moby.filesync.v1.FileSend/DiffCopy', 'BytesMessage', 'BytesMessage', {
      'buildkit-attachable-exporter-id': String(exporter),
      ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`exporter-md-${name}`, value])),
    });
    const drained = (async () => {
      for await (const message of call.responses) void message;
    })();
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += 1 << 20)
        await call.send({ data: chunk.subarray(at, at + (1 << 20)) });
    call.end();
    await drained;
  }

  /**
   * Sends a tree to the client (`--output type=local`), which asks for the files it wants.
   * @returns the bytes of the files sent.
   */
  async sendTree(exporter: number, tree: Tree): Promise<number> {
    let sent = 0;
    const call = this.client.call('/moby.filesync.v1.FileSend/DiffCopy', 'Packet', 'Packet', {
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
      if (packet['type'] === packetType.error)
        throw new BerthError('system', `error from receiver: ${(packet['data'] as Buffer).toString()}`);
      if (packet['type'] === packetType.request) {
        const entry = tree.entries.get(paths[packet['ID']]!);
        if (entry?.type === 'file')
          for await (const chunk of tree.read(entry) as AsyncIterable<Buffer>) {
            await call.send({ type: packetType.data, ID: packet['ID'], data: chunk });
            sent += chunk.length;
          }
        await call.send({ type: packetType.data, ID: packet['ID'] });
      } else if (packet['type'] === packetType.fin) {
        await call.send({ type: packetType.fin });
        call.end();
      }
    }
    await walk;
    return sent;
  }

  /** Tells the client's health service that we are there; the answer does not matter. */
  close(): void {
    this.client.close();
  }
}

/** Header values must be ASCII; others are sent encoded, and a flag says so. */
function patterns(name: string, values: string[] | undefined): Record<string, string | string[]> {
  if (!values || values.length === 0) return {};
  const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
  return plain ? { [name]: values } : { [name]: values.map(encodeURIComponent), [`${name}-encoded`]: '1' };
}

function xattrsOf(stat: Message): Record<string, string> {
  return Object.fromEntries(
    Object.entries((stat['xattrs'] ?? {}) as Record<string, Buffer>).map(([name, value]) => [
      `SCHILY.xattr.${name}`,
      value.toString('latin1'),
    ]),
  );
}

/** A queue between the network and the disk: `push` waits while too much is held. */
class AsyncQueue implements AsyncIterable<Buffer> {
  private readonly held: Buffer[] = [];
  private ended = false;
  private wake: () => void = () => undefined;
  private drained: () => void = () => undefined;

  async push(chunk: Buffer): Promise<void> {
    this.held.push(chunk);
    this.wake();
    if (this.held.length > 16)
      await new Promise<void>((resolve) => {
        this.drained = resolve;
      });
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Buffer> {
    for (;;) {
      const chunk = this.held.shift();
      if (chunk) {
        if (this.held.length <= 8) this.drained();
        yield chunk;
      } else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }
}

/** The sessions that are open now. */
export class Sessions {
  private readonly open = new Map<string, Session>();
  private readonly waiting = new Map<string, Array<(session: Session) => void>>();

  /** Takes a connection in until it ends (POST /session). */
  async serve(connection: Duplex, headers: IncomingHttpHeaders, methods: string[]): Promise<void> {
    const id = String(headers['x-docker-expose-session-uuid'] ?? '');
    if (id === '') throw new BerthError('invalid-parameter', 'X-Docker-Expose-Session-Uuid is missing');
    const session = new Session(id, connection, methods);
    this.open.set(id, session);
    for (const resolve of this.waiting.get(id) ?? []) resolve(session);
    this.waiting.delete(id);
    await session.client.closed;
    if (this.open.get(id) === session) this.open.delete(id);
  }

  /** The session of that id, which may be on its way. @throws BerthError after 10 s. */
  async get(id: string): Promise<Session> {
    const key = id.split(':').at(-1)!;
    const found = this.open.get(key);
    if (found) return found;
    return new Promise((resolve, reject) => {
      const list = this.waiting.get(key) ?? [];
      const timer = setTimeout(
        () => reject(new BerthError('not-found', `no active session for ${key}`)),
        10_000,
      );
      list.push((session) => {
        clearTimeout(timer);
        resolve(session);
      });
      this.waiting.set(key, list);
    });
  }
}
