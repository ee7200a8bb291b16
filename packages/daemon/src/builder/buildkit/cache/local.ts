import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { invalidParameter } from '../../../base/errors.ts';
import { parseJson } from '../../../base/go-json.ts';
import type { ImageDescriptor } from '../../../images/api.ts';
import type { Session } from '../session/session.ts';
import type { CacheStore } from './types.ts';

const CONFIG = 'application/vnd.buildkit.cacheconfig.v0';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
/** A manifest or a description of steps is at most this long, in bytes. */
const LONGEST = 64 * 1024 * 1024;

const digestOf = (body: Buffer) => `sha256:${createHash('sha256').update(body).digest('hex')}`;

interface Document {
  mediaType?: string;
  config?: ImageDescriptor;
  layers?: ImageDescriptor[];
  manifests?: ImageDescriptor[];
}

/** Cached steps in a folder of the client, an OCI layout; the client itself keeps its index. */
export function localStore(session: Session, attributes: Record<string, string>): CacheStore {
  const content = session.content(`local:${attributes['dest'] ?? attributes['src'] ?? ''}`);
  const whole = async (digest: string): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of content.read(digest)) {
      size += part.length;
      if (size > LONGEST) throw invalidParameter(`the cache's ${digest} is longer than ${LONGEST} bytes`);
      parts.push(part);
    }
    const body = Buffer.concat(parts);
    if (digestOf(body) !== digest) throw invalidParameter(`the cache's ${digest} is damaged`);
    return body;
  };
  return {
    async describe() {
      const digest = attributes['digest'];
      if (!digest) throw invalidParameter('local cache importer requires explicit digest');
      const top = parseJson((await whole(digest)).toString()) as Document;
      const entries = top.manifests ?? [];
      const config = top.config ?? entries.find(({ mediaType }) => mediaType === CONFIG);
      if (config?.mediaType !== CONFIG) throw invalidParameter(`${digest} is no cache of build steps`);
      return {
        mediaType: top.mediaType ?? (top.manifests ? INDEX : MANIFEST),
        config: (await whole(config.digest)).toString(),
        layers: top.layers ?? entries.filter((entry) => entry !== config),
      };
    },
    read: async ({ digest }) => Readable.from(content.read(digest), { objectMode: false }),
    has: async (digest) => (await content.size(digest)) !== undefined,
    write: ({ digest, size }, body) => content.write(digest, size, body as AsyncIterable<Buffer>),
    async publish(config, layers) {
      const described = { mediaType: CONFIG, digest: digestOf(config), size: config.length };
      const asIndex = attributes['image-manifest'] === 'false';
      const mediaType = asIndex ? INDEX : MANIFEST;
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          ...(asIndex ? { manifests: [...layers, described] } : { config: described, layers }),
        }),
      );
      const descriptor = { mediaType, digest: digestOf(manifest), size: manifest.length };
      await content.write(described.digest, config.length, Readable.from([config]));
      await content.write(descriptor.digest, manifest.length, Readable.from([manifest]));
      return { 'cache.manifest': JSON.stringify(descriptor) };
    },
  };
}
