import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxTar } from './images.ts';
import { tarOf } from './tar.ts';

const sha256 = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const UNKNOWN = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] });

/** Bytes of the layer that comes slowly, and of one step of it. */
const SIZE = 4 << 20;
const STEP = 64 << 10;

/**
 * A registry of our own with one image, `some:latest`, of busybox and a layer that comes as slowly as a test wants it to, so
 * that a pull can be looked at while it goes on.
 */
export class SlowRegistry {
  /** Milliseconds between steps of the slow layer. */
  pause = 40;
  /** Downloads of the slow layer that their reader broke off. */
  broken = 0;
  private readonly server: Server;
  private readonly bodies = new Map<string, { type: string; body: Buffer; slow?: boolean }>();

  private constructor() {
    const layers = [
      { body: busyboxTar(), slow: false },
      { body: tarOf({ big: randomBytes(SIZE) }), slow: true },
    ];
    const config = Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
        rootfs: { type: 'layers', diff_ids: layers.map(({ body }) => sha256(body)) },
      }),
    );
    const described = (mediaType: string, body: Buffer) => ({
      mediaType,
      digest: sha256(body),
      size: body.length,
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: described('application/vnd.oci.image.config.v1+json', config),
        layers: layers.map(({ body }) => described('application/vnd.oci.image.layer.v1.tar', body)),
      }),
    );
    const type = 'application/vnd.oci.image.manifest.v1+json';
    for (const name of ['latest', sha256(manifest)])
      this.bodies.set(`manifests/${name}`, { type, body: manifest });
    for (const { body, slow } of [...layers, { body: config, slow: false }])
      this.bodies.set(`blobs/${sha256(body)}`, { type: 'application/octet-stream', body, slow });
    this.server = createServer(({ url = '', method }, response) => {
      if (url === '/v2/') return void response.end('{}');
      const found = this.bodies.get(url.replace(/^\/v2\/some\//, ''));
      if (!found) return void response.writeHead(404).end(UNKNOWN);
      const { body, slow } = found;
      response.writeHead(200, {
        'Content-Type': found.type,
        'Content-Length': body.length,
        'Docker-Content-Digest': sha256(body),
      });
      if (method === 'HEAD') response.end();
      else if (slow) void this.trickle(response, body);
      else response.end(body);
    });
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<SlowRegistry> {
    const registry = new SlowRegistry();
    await new Promise<void>((resolve) => registry.server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  private async trickle(response: ServerResponse, body: Buffer): Promise<void> {
    response.on('close', () => {
      if (!response.writableFinished) this.broken++;
    });
    for (let at = 0; at < body.length && !response.destroyed; at += STEP) {
      response.write(body.subarray(at, at + STEP));
      await sleep(this.pause);
    }
    response.end();
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
