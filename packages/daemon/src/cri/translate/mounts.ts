import { realpathSync } from 'node:fs';
import { normalize } from 'node:path/posix';
import type { PodRecord } from '../../pods/api.ts';
import { below, besideImage, choice, list, ofField, path, refuse, text } from '../checks.ts';
import type { IdMapping, Mount } from '../messages.ts';
import { ranges } from './sandbox.ts';

const PROPAGATIONS = ['rprivate', 'rslave', 'rshared'] as const;

export interface Mounts {
  /** Entries of HostConfig.Mounts. */
  mounts: Array<Record<string, unknown>>;
  /** Destinations of binds whose ids are those of the pod's users. */
  idmapped: string[];
}

/** @throws invalid-parameter naming the field. */
export function mounts(given: Mount[], pod: PodRecord, findImage: (reference: string) => unknown): Mounts {
  const translated: Mounts = { mounts: [], idmapped: [] };
  const taken = new Set<string>();
  list(given, 'config.mounts').forEach((mount, index) => {
    const field = `config.mounts[${index}]`;
    const target = normalize(path(mount.container_path, `${field}.container_path`)).replace(/(.)\/$/, '$1');
    if (target === '/') throw refuse(`${field}.container_path`, 'nothing can be mounted at the root');
    // The later of two at one place counts, as with a mount over a mount.
    if (taken.has(target)) translated.mounts = translated.mounts.filter(({ Target }) => Target !== target);
    taken.add(target);
    translated.mounts.push(
      mount.image?.image ? ofImage(mount, target, field, findImage) : bind(mount, target, field),
    );
    if (isMapped(mount, pod, field)) translated.idmapped.push(target);
  });
  return translated;
}

function ofImage(
  mount: Mount,
  target: string,
  field: string,
  findImage: (reference: string) => unknown,
): Record<string, unknown> {
  if (mount.host_path !== '')
    throw refuse(`${field}.host_path`, 'a mount is of an image or of a path, not of both');
  if (choice(mount.propagation, `${field}.propagation`, PROPAGATIONS) !== 'rprivate')
    throw refuse(`${field}.propagation`, 'a mount of an image is PROPAGATION_PRIVATE');
  const source = text(mount.image?.image, `${field}.image.image`, 4096);
  besideImage(mount.image!, `${field}.image`);
  ofField(`${field}.image.image`, () => findImage(source));
  const subpath = below(mount.image_sub_path, `${field}.image_sub_path`);
  return {
    Type: 'image',
    Source: source,
    Target: target,
    ...(subpath && { ImageOptions: { Subpath: subpath } }),
  };
}

function bind(mount: Mount, target: string, field: string): Record<string, unknown> {
  const source = path(mount.host_path, `${field}.host_path`);
  if (mount.image_sub_path) throw refuse(`${field}.image_sub_path`, 'it is for mounts of images alone');
  const propagation = choice(mount.propagation, `${field}.propagation`, PROPAGATIONS);
  if (mount.recursive_read_only) {
    if (!mount.readonly) throw refuse(`${field}.recursive_read_only`, 'the mount is not read-only');
    if (propagation !== 'rprivate')
      throw refuse(`${field}.recursive_read_only`, 'it needs the propagation PROPAGATION_PRIVATE');
  }
  return {
    Type: 'bind',
    Source: resolved(source),
    Target: target,
    ReadOnly: mount.readonly === true,
    BindOptions: {
      Propagation: propagation,
      CreateMountpoint: true,
      ...(mount.readonly &&
        (mount.recursive_read_only ? { ReadOnlyForceRecursive: true } : { ReadOnlyNonRecursive: true })),
    },
  };
}

/** The path without links: the propagation of what it leads to is what counts. */
function resolved(source: string): string {
  try {
    return realpathSync(source);
  } catch {
    return source; // it is made, or the start tells what is wrong
  }
}

/** The ids of a mount are the pod's, or none: others would be of a namespace that the container is not in. */
function isMapped(mount: Mount, pod: PodRecord, field: string): boolean {
  const { uidMappings: uids, gidMappings: gids } = mount;
  if (uids.length === 0 && gids.length === 0) return false;
  const { users } = pod.config;
  if (!users)
    throw refuse(`${field}.${uids.length > 0 ? 'uid' : 'gid'}Mappings`, 'the pod has no user namespace');
  const same = (own: unknown, given: IdMapping[], name: string) => {
    if (JSON.stringify(own) !== JSON.stringify(ranges(given, `${field}.${name}`)))
      throw refuse(`${field}.${name}`, "it is not the mapping of the pod's user namespace");
  };
  same(users.uids, uids, 'uidMappings');
  same(users.gids, gids, 'gidMappings');
  return true;
}
