import { randomBytes, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { type Call, GrpcError, GrpcServer, type Message, type Method, method, unary } from '@berth/grpc';
import type { AuthConfig } from '../config/credentials.ts';
import type { Api } from '../transport/api.ts';
import { layoutMethods, type OciLayout } from './layout.ts';
import { type BuildOutput, receiveFile } from './outputs.ts';
import { receiveFolder } from './receive.ts';
import type { Secrets } from './secrets.ts';
import type { Agents } from './ssh.ts';
import { type Folders, sendFolder } from './sync.ts';

/** The files, outputs, credentials and secrets that this side of a build offers the builder. */
export interface Offered {
  folders: Folders;
  outputs: readonly BuildOutput[];
  /** The archive on standard input. */
  upload?: AsyncIterable<Buffer>;
  credentials: (host: string) => Promise<AuthConfig>;
  secrets: Secrets;
  agents: Agents;
  /** Folders with blobs that are read and written, by the names that the builder asks by. */
  layouts: ReadonlyMap<string, OciLayout>;
  stdout: (bytes: Buffer) => Promise<void>;
}

/** The names of Docker Hub's hosts; its credentials are kept under one of them. */
const hub = new Set(['docker.io', 'registry-1.docker.io', 'index.docker.io']);

/**
 * The services of BuildKit's session, as methods of a gRPC server: the builder calls them over the connection that the
 * client opens (https://github.com/moby/buildkit, session/*).
 */
function methodsOf(offered: Offered): Record<string, Method> {
  const { outputs, agents } = offered;
  const outputOf = ({ metadata }: Pick<Call, 'metadata'>) =>
    outputs[Number(metadata['buildkit-attachable-exporter-id'] ?? 0)];
  const noOutput = () => new GrpcError(12, 'this build has no output on this machine');
  return {
    '/grpc.health.v1.Health/Check': unary('Empty', 'HealthCheckResponse', async () => ({ status: 1 })),
    '/moby.filesync.v1.FileSync/DiffCopy': method('Packet', 'Packet', (call) =>
      sendFolder(call, offered.folders),
    ),
    // One path with two shapes of message: a tree for a folder, bytes for a file. A build has one or the other.
    '/moby.filesync.v1.FileSend/DiffCopy': outputs.some(({ folder }) => folder)
      ? method('Packet', 'Packet', async (call) => {
          const { folder } = outputOf(call) ?? {};
          if (folder === undefined) throw noOutput();
          return receiveFolder(call, folder);
        })
      : method('BytesMessage', 'BytesMessage', async (call) => {
          const { file } = outputOf(call) ?? {};
          if (file === undefined) throw noOutput();
          await receiveFile(bytesOf(call.requests), file, offered.stdout);
          return undefined;
        }),
    '/moby.filesync.v1.Auth/Credentials': unary(
      'CredentialsRequest',
      'CredentialsResponse',
      async ({ Host }) => {
        const auth = await offered.credentials(hub.has(Host) ? 'docker.io' : Host);
        return auth.identitytoken
          ? { Secret: auth.identitytoken }
          : { Username: auth.username ?? '', Secret: auth.password ?? '' };
      },
    ),
    '/moby.buildkit.secrets.v1.Secrets/GetSecret': unary(
      'GetSecretRequest',
      'GetSecretResponse',
      async ({ ID }) => ({
        data: offered.secrets(ID),
      }),
    ),
    '/moby.sshforward.v1.SSH/CheckAgent': unary('CheckAgentRequest', 'Empty', async ({ ID }) => {
      agents.check(ID);
      return {};
    }),
    '/moby.sshforward.v1.SSH/ForwardAgent': method('BytesMessage', 'BytesMessage', (call) =>
      agents.forward(call),
    ),
    ...layoutMethods(offered.layouts),
    ...(offered.upload ? { '/moby.upload.v1.Upload/Pull': uploadMethod(offered.upload) } : {}),
  };
}

const uploadMethod = (upload: AsyncIterable<Buffer>): Method =>
  method('BytesMessage', 'BytesMessage', async (call) => {
    for await (const chunk of upload)
      for (let at = 0; at < chunk.length; at += 1 << 20)
        await call.send({ data: chunk.subarray(at, at + (1 << 20)) });
    return undefined;
  });

async function* bytesOf(messages: AsyncIterable<Message<'BytesMessage'>>): AsyncGenerator<Buffer> {
  for await (const { data } of messages) yield data;
}

/** The connection over which a builder reads this side's files and secrets. */
export interface Session {
  readonly id: string;
  close(): void;
}

/** Opens a session for a build. `shared` names the context, so that builders find what they have of it. */
export async function openSession(api: Api, offered: Offered, shared: string): Promise<Session> {
  const id = randomBytes(16).toString('hex');
  const methods = methodsOf(offered);
  const { socket } = await api.hijack<'Session'>(
    '/session',
    {
      headers: {
        'X-Docker-Expose-Session-Uuid': id,
        'X-Docker-Expose-Session-Name': basename(shared) || randomUUID(),
        'X-Docker-Expose-Session-Sharedkey': shared,
        'X-Docker-Expose-Session-Grpc-Method': Object.keys(methods),
      },
    },
    'h2c',
  );
  const served = new GrpcServer(methods).accept(socket);
  served.catch(() => undefined);
  return { id, close: () => void socket.destroy() };
}
