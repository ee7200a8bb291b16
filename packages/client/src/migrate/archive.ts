import { createHash } from 'node:crypto';
import { pack as newPack, type Pack } from 'tar-stream';
import type { ContainerdImage } from './containerd-root.ts';
import type { Descriptor } from './content-store.ts';
import type { DockerImage, DockerLayer } from './docker-root.ts';
import { layerTar, tarSize } from './layer-tar.ts';

/** Layers that an image gets besides its own, as tars. */
export interface Extra {
  tar: Buffer;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A tar that is written while it is read. `write` puts its entries in. */
function writeArchive(write: (members: Members) => Promise<void>): AsyncIterable<Buffer> {
  const pack = newPack();
  const work = write(new Members(pack)).then(() => pack.finalize());
  work.catch((error: Error) => pack.destroy(error));
  return (async function* () {
    for await (const chunk of pack) yield chunk as Buffer;
    await work;
  })();
}

/** Writes the entries of a tar. */
class Members {
  private readonly pack: Pack;

  constructor(pack: Pack) {
    this.pack = pack;
  }

  whole(name: string, bytes: Buffer | string): void {
    this.pack.entry({ name }, bytes);
  }

  /** An entry of `size` bytes, which come piece by piece. */
  async pieces(name: string, size: number, bytes: AsyncIterable<Buffer>): Promise<void> {
    const entry = this.pack.entry({ name, size });
    // Its end, whether good or bad, is told once; an error also by those who read.
    const ended = new Promise<void>((resolve, reject) => {
      entry.on('error', reject);
      entry.on('close', () => resolve());
    });
    ended.catch(() => undefined);
    for await (const part of bytes)
      if (!entry.write(part))
        await Promise.race([new Promise<void>((resolve) => entry.once('drain', () => resolve())), ended]);
    entry.end(undefined);
    await ended;
  }
}

/**
 * Images as `docker save` writes them, layers once each. With `extra` the one image gets a layer more, as a commit gives it.
 * The tars of layers are made again from their folders while they are sent.
 */
export function imageArchive(images: readonly DockerImage[], extra?: Extra): AsyncIterable<Buffer> {
  const layer = async ({ folder, record }: DockerLayer, name: string, to: Members): Promise<void> =>
    to.pieces(name, await tarSize(record), layerTar(folder, record));
  return writeArchive(async (to) => {
    const written = new Set<string>();
    const manifest: object[] = [];
    for (const image of images) {
      const names = image.layers.map(({ diffId }) => `${diffId.replace('sha256:', '')}.tar`);
      for (const [index, one] of image.layers.entries()) {
        if (written.has(one.diffId)) continue;
        written.add(one.diffId);
        await layer(one, names[index]!, to);
      }
      let { config, id } = image;
      if (extra) {
        config = committed(image.config, extra.tar);
        id = sha256(config);
        to.whole('changes.tar', extra.tar);
        names.push('changes.tar');
      }
      to.whole(`${id}.json`, config);
      manifest.push({
        Config: `${id}.json`,
        RepoTags: image.names.length ? image.names : null,
        Layers: names,
      });
    }
    to.whole('manifest.json', JSON.stringify(manifest));
  });
}

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

/**
 * Images of containerd as a layout of the OCI image specification, blobs once each and as they are. With `extra` the one
 * image gets a layer more, upon what this machine runs of it.
 */
export function layoutArchive(images: readonly ContainerdImage[], extra?: Extra): AsyncIterable<Buffer> {
  return writeArchive(async (to) => {
    const written = new Set<string>();
    const manifests: Descriptor[] = [];
    to.whole('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    for (const { target, names, content } of images) {
      const base = extra ? content.runnable(target.digest).digest : target.digest;
      for (const digest of content.closure(base)) {
        if (written.has(digest)) continue;
        written.add(digest);
        await to.pieces(blobName(digest), content.size(digest), content.read(digest));
      }
      const described = extra ? withLayer(content, base, extra, to) : target;
      for (const name of names.length ? names : [''])
        manifests.push({
          ...described,
          ...(name && { annotations: { 'io.containerd.image.name': name } }),
        });
    }
    to.whole('index.json', JSON.stringify({ schemaVersion: 2, manifests }));
  });
}

/** Writes a manifest like `base` with a layer more, and its configuration. */
function withLayer(
  content: ContainerdImage['content'],
  base: string,
  { tar }: Extra,
  to: Members,
): Descriptor {
  const blob = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = `sha256:${sha256(bytes)}`;
    to.whole(blobName(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const { manifest } = content.runnable(base);
  const config = blob(
    'application/vnd.oci.image.config.v1+json',
    committed(content.document(manifest.config!.digest), tar),
  );
  const layer = blob('application/vnd.oci.image.layer.v1.tar', tar);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const layers = [...(manifest.layers ?? []), layer];
  return blob(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers })));
}

/** The configuration of an image with a layer more. */
function committed(config: Buffer, tar: Buffer): Buffer {
  const image = JSON.parse(config.toString()) as {
    rootfs: { diff_ids: string[] };
    history?: object[];
  };
  image.rootfs.diff_ids.push(`sha256:${sha256(tar)}`);
  image.history = [
    ...(image.history ?? []),
    { created_by: 'berth migrate', comment: 'changes of a container' },
  ];
  return Buffer.from(JSON.stringify(image));
}
