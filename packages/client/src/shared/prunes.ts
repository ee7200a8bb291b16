import type { Api } from '../transport/api.ts';
import { filtersQuery } from './filters.ts';
import { type Pruned, prunedText } from './prune.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

/** Removes stopped containers. */
export async function pruneContainers(api: Api, filters: Filters): Promise<Pruned> {
  const report = await api.json<'ContainerPrune'>('POST', '/containers/prune', {
    query: { filters: filtersQuery(filters) },
  });
  return {
    text: prunedText('Deleted Containers:', report.ContainersDeleted ?? []),
    freed: report.SpaceReclaimed,
  };
}

/** Removes networks without containers. */
export async function pruneNetworks(api: Api, filters: Filters): Promise<Pruned> {
  const report = await api.json<'NetworkPrune'>('POST', '/networks/prune', {
    query: { filters: filtersQuery(filters) },
  });
  return { text: prunedText('Deleted Networks:', report.NetworksDeleted ?? []), freed: 0 };
}

/** Removes volumes without containers. */
export async function pruneVolumes(api: Api, filters: Filters): Promise<Pruned> {
  const report = await api.json<'VolumePrune'>('POST', '/volumes/prune', {
    query: { filters: filtersQuery(filters) },
  });
  return { text: prunedText('Deleted Volumes:', report.VolumesDeleted ?? []), freed: report.SpaceReclaimed };
}

/** Removes untagged images, or with `all` every image without a container. */
export async function pruneImages(api: Api, filters: Filters, all: boolean): Promise<Pruned> {
  const report = await api.json<'ImagePrune'>('POST', '/images/prune', {
    query: { filters: filtersQuery({ ...filters, dangling: [String(!all)] }) },
  });
  const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
  );
  return { text: prunedText('Deleted Images:', lines), freed: lines.length ? report.SpaceReclaimed : 0 };
}

/** Removes the build cache that nothing uses, or all of it. */
export async function pruneBuildCache(
  api: Api,
  filters: Filters,
  all: boolean,
  keepBytes = 0,
): Promise<Pruned> {
  const report = await api.json<'BuildPrune'>('POST', '/build/prune', {
    query: {
      all: all || undefined,
      'keep-storage': keepBytes,
      filters: filtersQuery(filters),
    },
  });
  return {
    text: prunedText('Deleted build cache objects:', report.CachesDeleted ?? []),
    freed: report.SpaceReclaimed,
  };
}
