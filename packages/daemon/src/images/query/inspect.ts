import type { HistoryStep, ImageInspect } from '../api.ts';
import type { Catalogue, Entry } from '../catalogue.ts';
import { dockerConfig, goTime, unixSeconds } from '../config.ts';

const NEVER = '0001-01-01T00:00:00Z';

/**
 * Everything about one image that `docker image inspect` shows; `named` is the one of its platforms that has the names,
 * `layerPaths` what its layers are mounted from, the topmost first.
 */
export function inspectImage(image: Entry, named: Entry, layerPaths: readonly string[]): ImageInspect {
  const { config } = image;
  const [top, ...below] = layerPaths;
  const data: Record<string, string> | null =
    top === undefined ? null : { ...(below.length > 0 && { LowerDir: below.join(':') }), UpperDir: top };
  return {
    Id: image.id,
    RepoTags: named.repoTags,
    RepoDigests: named.repoDigests,
    Parent: image.parent,
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? '',
    ...(config.created === undefined ? {} : { Created: goTime(config.created) }),
    Container: config.container ?? '',
    ContainerConfig: dockerConfig(config.container_config),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: dockerConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    ...(config['os.version'] ? { OsVersion: config['os.version'] } : {}),
    Size: image.size,
    GraphDriver: { Data: data, Name: 'overlay2' },
    RootFS: {
      Type: 'layers',
      ...(config.rootfs.diff_ids.length > 0 ? { Layers: config.rootfs.diff_ids } : {}),
    },
    Metadata: { LastTagTime: named.taggedAt ?? NEVER },
  };
}

/** The steps an image was made by, newest first; steps of parents that are images here carry their ids and tags. */
export function imageHistory(
  catalogue: Catalogue,
  image: Entry,
  layerSize: (diffId: string) => number,
): HistoryStep[] {
  let layer = 0;
  const steps = (image.config.history ?? []).map((step) => ({
    Comment: step.comment ?? '',
    Created: unixSeconds(step.created),
    CreatedBy: step.created_by ?? '',
    Id: '<missing>',
    Size: step.empty_layer ? 0 : layerSize(image.config.rootfs.diff_ids[layer++] ?? ''),
    Tags: null as string[] | null,
  }));
  steps.reverse();
  let current: Entry | undefined = image;
  for (const step of steps) {
    if (!current) break;
    step.Id = current.id;
    step.Tags = current.repoTags.length > 0 ? current.repoTags : null;
    current = current.parent ? catalogue.get(current.parent) : undefined;
  }
  return steps;
}
