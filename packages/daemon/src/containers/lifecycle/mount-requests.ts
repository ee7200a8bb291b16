import type { Layers } from '../../layers/api.ts';
import type { RuntimeRequest } from '../../runtime/api.ts';
import { AS_CONTAINER } from '../../runtime/index.ts';
import { mergeTmpfsOptions } from '../create/mounts.ts';
import type { ContainerRecord, MountPoint } from '../model/types.ts';

/** A container's mounts as the runtime takes them: its mount points, then those of `Tmpfs`. @throws system for options of a tmpfs that are not known */
export function mountRequests(
  { mounts: points, hostConfig: host, pod }: ContainerRecord,
  layers: Pick<Layers, 'lower'>,
): RuntimeRequest['mounts'] {
  const list: RuntimeRequest['mounts'] = points.map((point) => {
    if (point.Type === 'tmpfs') return tmpfs(point.Destination, point.tmpfs ?? '');
    if (point.image)
      return {
        type: 'image',
        source: point.image.name,
        lower: layers.lower(point.image.layers),
        ...(point.subpath && { subpath: point.subpath }),
        destination: point.Destination,
        readonly: true,
        options: [],
      };
    const bind = bindRequest(point);
    // A client of pods names the ids for each mount: those below a source keep theirs.
    return pod?.idmapped.includes(point.Destination)
      ? { ...bind, idmap: { map: AS_CONTAINER, recursive: false } }
      : bind;
  });
  for (const [destination, options] of Object.entries(host.Tmpfs ?? {}))
    list.push(tmpfs(destination, options));
  return list;
}

/** A bind, or a volume, as the runtime takes it. */
export function bindRequest(point: MountPoint): RuntimeRequest['mounts'][number] {
  const options = [point.nonRecursive ? 'bind' : 'rbind'];
  if (point.readOnlyNonRecursive) options.push('ro-nonrecursive');
  if (point.readOnlyForceRecursive) options.push('ro-force-recursive');
  return {
    type: 'bind',
    source: point.Source,
    ...(point.subpath && { subpath: point.subpath }),
    destination: point.Destination,
    readonly: !point.RW,
    options,
    ...(point.Propagation && { propagation: point.Propagation }),
    ...(point.idMap && { idmap: { map: point.idMap, recursive: !point.nonRecursive } }),
  };
}

function tmpfs(destination: string, asked: string): RuntimeRequest['mounts'][number] {
  const options = mergeTmpfsOptions(asked);
  return { type: 'tmpfs', destination, readonly: options.includes('ro'), options };
}
