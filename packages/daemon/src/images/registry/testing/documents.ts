import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf } from '../../config.ts';
import { hostPlatform } from '../../platforms.ts';
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from '../manifests.ts';

/** A tar of small files. */
export async function tarOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
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
