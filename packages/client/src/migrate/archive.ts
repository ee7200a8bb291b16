import { createHash } from 'node:crypto';
import { pack as newPack } from 'tar-stream';
import type { DockerImage, DockerLayer } from './docker-root.ts';
import { layerTar, tarPieces, tarSize } from './layer-tar.ts';

/** Layers that an image gets besides its own, as tars. */
export interface Extra {
  tar: Buffer;
}

/**
 * Images as `docker save` writes them, layers once each. With `extra` the one image gets a layer more, as a commit gives it.
 * The tars of layers are made again from their folders while they are sent.
 */
export function imageArchive(images: readonly DockerImage[], extra?: Extra): AsyncIterable<Buffer> {
  const pack = newPack();
  const whole = (name: string, bytes: Buffer | string) => pack.entry({ name }, bytes);
  const layer = async ({ folder, record }: DockerLayer, name: string): Promise<void> => {
    const pieces = tarPieces(record);
    const entry = pack.entry({ name, size: tarSize(pieces) });
    // Its end, whether good or bad, is told once; an error also by those who read.
    const ended = new Promise<void>((resolve, reject) => {
      entry.on('error', reject);
      entry.on('close', () => resolve());
    });
    ended.catch(() => undefined);
    for await (const bytes of layerTar(folder, pieces))
      if (!entry.write(bytes))
        await Promise.race([new Promise<void>((resolve) => entry.once('drain', () => resolve())), ended]);
    entry.end(undefined);
    await ended;
  };
  const all = async (): Promise<void> => {
    const written = new Set<string>();
    const manifest: object[] = [];
    for (const image of images) {
      const names = image.layers.map(({ diffId }) => `${diffId.replace('sha256:', '')}.tar`);
      for (const [index, one] of image.layers.entries()) {
        if (written.has(one.diffId)) continue;
        written.add(one.diffId);
        await layer(one, names[index]!);
      }
      let { config, id } = image;
      if (extra) {
        config = committed(image.config, extra.tar);
        id = createHash('sha256').update(config).digest('hex');
        whole('changes.tar', extra.tar);
        names.push('changes.tar');
      }
      whole(`${id}.json`, config);
      manifest.push({
        Config: `${id}.json`,
        RepoTags: image.names.length ? image.names : null,
        Layers: names,
      });
    }
    whole('manifest.json', JSON.stringify(manifest));
    pack.finalize();
  };
  const work = all();
  work.catch((error: Error) => pack.destroy(error));
  return (async function* () {
    for await (const chunk of pack) yield chunk as Buffer;
    await work;
  })();
}

/** The configuration of an image with a layer more. */
function committed(config: Buffer, tar: Buffer): Buffer {
  const image = JSON.parse(config.toString()) as {
    rootfs: { diff_ids: string[] };
    history?: object[];
  };
  image.rootfs.diff_ids.push(`sha256:${createHash('sha256').update(tar).digest('hex')}`);
  image.history = [
    ...(image.history ?? []),
    { created_by: 'berth migrate', comment: 'changes of a container' },
  ];
  return Buffer.from(JSON.stringify(image));
}
