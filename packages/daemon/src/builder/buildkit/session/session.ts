import type { Duplex } from 'node:stream';
import { type BuildKitClient, buildkit, GrpcClient, GrpcError } from '@berth/grpc';
import { invalidParameter } from '../../../base/errors.ts';
import type { RegistryAuth } from '../../../images/api.ts';
import type { Tree } from '../../tree/tree.ts';
import { ClientContent } from './content.ts';
import { type Asked, receiveNames, type ToldFolder } from './receive.ts';
import { sendTree } from './trees.ts';

/** A client's side of a build: it serves its files, credentials and secrets over the connection it opened. */
export class Session {
  readonly id: string;
  /** Names the client's folder, so that what is known of it is found; '' where the client names none. */
  readonly shared: string;
  readonly client: BuildKitClient;
  private readonly methods: Set<string>;

  constructor(id: string, connection: Duplex, methods: string[], shared = '') {
    this.id = id;
    this.shared = shared;
    this.client = new GrpcClient(connection, buildkit);
    this.methods = new Set(methods.map((method) => method.toLowerCase()));
  }

  supports(path: string): boolean {
    return this.methods.has(path.toLowerCase());
  }

  /** Reads the names of a folder of the client; its files come when they are put into a tree. @throws BerthError when the client refuses. */
  async names(asked: Asked): Promise<ToldFolder> {
    if (!this.supports('/moby.filesync.v1.FileSync/DiffCopy'))
      throw invalidParameter('no local sources enabled');
    return receiveNames(this.client, asked);
  }

  /** Reads a folder of the client into a tree. @throws BerthError when the client refuses. */
  async files(tree: Tree, asked: Asked): Promise<void> {
    await (await this.names(asked)).into(tree, {});
  }

  /** Sends a tree to the client; gives the bytes of the files sent. */
  async sendTree(exporter: number, tree: Tree): Promise<number> {
    return sendTree(this.client, exporter, tree);
  }

  /** A folder of blobs that the client offers under that name. */
  content(store: string): ClientContent {
    return new ClientContent(this.client, store);
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
      return data;
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
    for await (const { data } of call.responses) yield data;
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

  /** Ends the connection when its calls are over. */
  close(): void {
    this.client.close();
  }
}
