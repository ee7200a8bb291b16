import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSign, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { nativeProgram } from '@berth/native';
import { pack } from 'tar-stream';
import { configureLog } from '../../base/log.ts';
import type { Settings } from '../../config/settings.ts';
import { openEvents } from '../../events/index.ts';
import { type Layers, openLayers } from '../../layers/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { digestOf } from '../config.ts';
import { type Images, openImages, type Progress } from '../index.ts';
import { hostPlatform } from '../platforms.ts';
import type { RegistryOptions } from './index.ts';
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from './manifests.ts';

/** The part of a daemon that the tests of registries need, on folders of its own. */
export class TestImages {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-registry-'));
  images!: Images;
  layers!: Layers;
  lines: Progress[] = [];
  private store!: Store;
  private readonly settings: Partial<Settings>;
  private readonly registry: RegistryOptions;

  constructor(settings: Partial<Settings> = {}, registry: RegistryOptions = {}) {
    this.settings = settings;
    this.registry = registry;
  }

  async open(): Promise<this> {
    configureLog('fatal');
    mkdirSync(join(this.folder, 'images'), { recursive: true });
    this.store = openStore(join(this.folder, 'berth.db'));
    this.layers = await openLayers({
      root: join(this.folder, 'layers'),
      binary: nativeProgram,
      store: this.store,
    });
    const settings = {
      dataRoot: this.folder,
      insecureRegistries: [],
      registryMirrors: [],
      maxConcurrentDownloads: 3,
      maxConcurrentUploads: 5,
      maxDownloadAttempts: 2,
      httpProxy: '',
      httpsProxy: '',
      noProxy: '',
      ...this.settings,
    } as unknown as Settings;
    this.images = openImages({
      root: join(this.folder, 'images'),
      store: this.store,
      layers: this.layers,
      events: openEvents(),
      settings,
      registry: {
        certificateFolders: [join(this.folder, 'certs.d')],
        ...this.registry,
        limits: { backOff: 20, ...this.registry.limits },
      },
    });
    return this;
  }

  /** As a new daemon on the same folders. */
  async reopen(): Promise<void> {
    this.store.close();
    await this.open();
    await this.images.reconcile();
  }

  /** Makes an image of one file. */
  async make(name: string, content: string): Promise<string> {
    return this.images.import(Readable.from([await tarOf({ file: content })]), {
      reference: name,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
  }

  async pull(name: string, more: Partial<Parameters<Images['pull']>[0]> = {}): Promise<string[]> {
    return this.gather((common) => this.images.pull({ name, ...common, ...more }));
  }

  async push(name: string, more: Partial<Parameters<Images['push']>[0]> = {}): Promise<string[]> {
    return this.gather((common) => this.images.push({ name, ...common, ...more }));
  }

  /** Runs with what every transfer needs; returns the lines as a terminal shows them, bars left out. */
  private async gather(
    run: (common: { signal: AbortSignal; onProgress: (line: Progress) => void }) => Promise<void>,
  ): Promise<string[]> {
    this.lines = [];
    const onProgress = (line: Progress) => void this.lines.push(line);
    await run({ signal: AbortSignal.timeout(30_000), onProgress });
    return this.lines
      .filter(({ progress, status }) => progress === undefined && status !== undefined)
      .map(({ id, status }) => (id === undefined ? String(status) : `${id}: ${status}`));
  }

  /** The files of downloads and layers on disk. */
  left(): string[] {
    return [join(this.folder, 'images/partial'), join(this.folder, 'layers/layers')].flatMap((folder) =>
      readdirSync(folder),
    );
  }

  dispose(): void {
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A tar of small files. */
export async function tarOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Debian's docker-registry on a port of its own. */
export class TestRegistry {
  readonly host: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'berth-distribution-'));
  private readonly program: ChildProcess;

  private constructor(address: string, port: number, http: string, auth: string) {
    this.host = `${address}:${port}`;
    const config = join(this.folder, 'config.yml');
    writeFileSync(
      config,
      `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(this.folder, 'data')} }, delete: { enabled: true } }
http: { addr: "${this.host}"${http} }
${auth}
`,
    );
    this.program = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  }

  static async start(
    options: { address?: string; http?: string; auth?: string } = {},
  ): Promise<TestRegistry> {
    const address = options.address ?? '127.0.0.1';
    const port = await freePort(address);
    const registry = new TestRegistry(address, port, options.http ?? '', options.auth ?? '');
    for (let tries = 0; tries < 200; tries += 1) {
      if (await answers(address, port)) return registry;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('docker-registry does not answer');
  }

  stop(): void {
    this.program.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });
}

async function freePort(address: string): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An address of this machine that is not the loopback's, where certificates are verified. */
export function outerAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

/** An authority of the test's own with a server's and a client's certificate, in a folder. */
export function certificates(folder: string, address: string): void {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority');
  for (const name of ['server', 'client'])
    openssl(
      ...['req', '-x509', ...key, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`],
      ...['-addext', `subjectAltName=IP:${address}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    );
}

/** An HTTP server of a test's own; `seen` holds its requests. */
export class TestServer {
  readonly seen: Array<{ line: string; headers: IncomingMessage['headers']; body: string }> = [];
  readonly host: string;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(
    handler: (request: IncomingMessage, response: ServerResponse, server: TestServer, body: string) => void,
  ): Promise<TestServer> {
    let self: TestServer;
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      self.seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      handler(request, response, self, body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    self = new TestServer(server);
    return self;
  }

  count(pattern: RegExp): number {
    return this.seen.filter(({ line }) => pattern.test(line)).length;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** An image as a registry holds it: all its documents by digest. */
export interface Published {
  blobs: Map<string, Buffer>;
  layer: { digest: string; data: Buffer; diffId: string };
  manifest: Buffer;
  mediaType: string;
  digest: string;
}

/** Makes an image's documents, of one layer: Docker's, or with `oci` the OCI's and zstd. */
export async function publish(
  content: string | Buffer,
  { compressed, oci }: { compressed?: Buffer; oci?: boolean } = {},
): Promise<Published> {
  const tar = await tarOf({ file: content });
  const data = compressed ?? (oci ? zstdCompressSync(tar) : gzipSync(tar));
  const layer = { digest: digestOf(data), data, diffId: digestOf(tar) };
  const config = Buffer.from(
    JSON.stringify({
      ...hostPlatform,
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    }),
  );
  const mediaType = oci ? OCI_MANIFEST : DOCKER_MANIFEST;
  const layerType = oci ? 'application/vnd.oci.image.layer.v1.tar+zstd' : DOCKER_LAYER;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: oci ? OCI_CONFIG : DOCKER_CONFIG, size: config.length, digest: digestOf(config) },
      layers: [{ mediaType: layerType, size: data.length, digest: layer.digest }],
    }),
  );
  const blobs = new Map([
    [digestOf(config), config],
    [layer.digest, data],
  ]);
  return { blobs, layer, manifest, mediaType, digest: digestOf(manifest) };
}

/** Answers as a registry that has this image under every name; false for what it does not know. */
export function serve(image: Published, request: IncomingMessage, response: ServerResponse): boolean {
  const path = request.url!.split('?')[0]!;
  if (path === '/v2/') response.end('{}');
  else if (path.includes('/manifests/'))
    response.writeHead(200, { 'content-type': image.mediaType }).end(image.manifest);
  else {
    const blob = image.blobs.get(path.split('/').at(-1)!);
    if (!blob) return false;
    response.end(blob);
  }
  return true;
}

/** A token server that registries of the tests trust; `issue` gives a token for what was asked. */
export class TokenIssuer {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
        ...['-keyout', 'token.key', '-out', 'token.pem', '-subj', '/CN=issuer'],
      ],
      { cwd: folder, stdio: 'pipe' },
    );
  }

  issue(scopes: string[], service: string): string {
    const certificate = readFileSync(join(this.folder, 'token.pem'), 'utf8')
      .replace(/-----[A-Z ]+-----/g, '')
      .replace(/\s/g, '');
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions] = scope.split(':');
      return { type, name, actions: actions!.split(',') };
    });
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ typ: 'JWT', alg: 'RS256', x5c: [certificate] })}.${part({
      iss: 'issuer',
      sub: 'user',
      aud: service,
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    })}`;
    const signature = createSign('RSA-SHA256')
      .update(text)
      .sign(readFileSync(join(this.folder, 'token.key')));
    return `${text}.${signature.toString('base64url')}`;
  }
}
