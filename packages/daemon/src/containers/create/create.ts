import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { invalidParameter, isKind, notFound } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { nowNanos, rfc3339 } from '../../base/time.ts';
import type { Image } from '../../images/api.ts';
import { detectedPlatform, hostPlatform } from '../../images/index.ts';
import type { NetworkState } from '../../networks/api.ts';
import type { CreateOptions } from '../api.ts';
import { makeWorkingDir } from '../io/archive.ts';
import { linkParts } from '../lifecycle/links.ts';
import { freeImage } from '../lifecycle/remove.ts';
import { checkable, discardUnsupported, networkRequest, resourcesOf } from '../lifecycle/request.ts';
import { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import { checkName, generateName } from '../model/names.ts';
import { INITIAL } from '../model/state.ts';
import type { Config, ContainerRecord, HostConfig, MountPoint, PodMember } from '../model/types.ts';
import { commandLine, defaultHostname, mergeConfig } from './config.ts';
import { givenEndpoints } from './endpoints.ts';
import { type AskedNames, checkHostConfig, checkModes, checkRemapped, fillHostConfig } from './hostconfig.ts';
import { clean, mountError, parseBind, parseMount, parseVolumesFrom } from './mounts.ts';
import { asVersionMeans, readOnlyByItself } from './older.ts';
import { bindVolume, checkRootPropagation, defaultPropagation } from './points.ts';

/**
 * Makes a container: checks all that can be checked before anything is written, then the record, then what it owns.
 * @throws invalid-parameter, not-found, conflict, system with dockerd's texts; nothing is left then.
 */
export async function createContainer(
  context: Context,
  options: CreateOptions,
  networkState: (container: Container) => NetworkState,
): Promise<{ container: Container; warnings: string[] }> {
  const { rooms, registry } = context;
  const { body, warnings } = asVersionMeans(options.body, options.version);
  const { HostConfig: hostBody = {}, NetworkingConfig: networking, ...configBody } = body;
  if (Object.keys(configBody).length === 0)
    throw invalidParameter('config cannot be empty in order to create a container');
  const name = options.name?.replace(/^\//, '');
  if (name) checkName(name, options.name);

  const imageName = String(configBody['Image'] ?? '');
  const image = imageName === '' ? undefined : findImage(context, imageName, options.platform);
  const config = mergeConfig(configBody, image?.config.config ?? {});
  const host = fillHostConfig(
    hostBody,
    {
      settings: rooms.settings,
      cgroupVersion: rooms.runtime.cgroupVersion,
      runtime: rooms.runtime.handlers.default,
    },
    options.version,
  );
  checkModes(host, configBody as AskedNames);
  rooms.runtime.handlers.check(host.Runtime);
  checkRemapped(host, rooms.settings);
  warnings.push(...checkHostConfig(host, hostBody), ...rooms.runtime.validate(checkable(host)));
  discardUnsupported(host, rooms.runtime.supported(resourcesOf(host)));
  await checkSources(host);
  if (!image) throw notFound(`No such image: ${imageName}`);
  resolveModes(context, host, options.pod?.id);

  const asked = givenEndpoints(networking?.EndpointsConfig, host, config.MacAddress, options.version);
  warnings.push(...asked.warnings);

  const id = newId(context);
  config.Hostname ||= options.pod?.hostname || defaultHostname(id, host.NetworkMode);
  const { path, args } = commandLine(config);
  const record: ContainerRecord = {
    id,
    name: name || generateName((candidate) => registry.nameTaken(candidate)),
    created: rfc3339(nowNanos()),
    path,
    args,
    imageId: image.id,
    imageName,
    platform: image.config.os || 'linux',
    config,
    hostConfig: host,
    mounts: [],
    endpoints: asked.endpoints,
    ...(options.buildStep && { buildStep: true }),
    ...(options.noLinkVariables && { noLinkVariables: true }),
    ...(options.pod && { pod: memberOf(options.pod) }),
  };
  // On a network of the user's own a link is a name that is looked up when it is asked for; else it is the container of
  // now, whatever it is named later.
  if (isDefaultMode(host.NetworkMode) && host.Links)
    host.Links = host.Links.map((link) => resolvedLink(context, link));
  const container = new Container(rooms.settings.dataRoot, record, { ...INITIAL }, networkState);
  registry.begin(container);
  try {
    if (!host.NetworkMode.startsWith('container:')) rooms.networks.prepare(networkRequest(container));
    await makeMounts(context, record, options);
    // Likewise before what else it owns.
    context.records.put(id, record);
    context.states.put(id, container.state);
    context.folders.make(container.folder);
    await rooms.layers.createWritable(id, image.config.rootfs.diff_ids, { ...quota(host), places: true });
    // With the layer's record: without it what was acknowledged would look unfinished after a kill.
    await rooms.store.flush();
    await copyUp(context, container);
    // An image's own directory may wait for the start; one that was asked for is made, or refused, now.
    if (config.WorkingDir !== (image.config.config?.WorkingDir ?? ''))
      await makeWorkingDir(context, container);
  } catch (error) {
    await undo(context, container);
    throw error;
  }
  registry.add(container);
  context.emit(container, 'create');
  if (!options.platform) warnings.push(...platformWarnings(image));
  return { container, warnings };
}

/** An image for another machine than this one was taken though nobody asked for its platform. */
function platformWarnings({ config }: Image): string[] {
  if (config.os === hostPlatform.os && config.architecture === hostPlatform.architecture) return [];
  const platform = [config.os, config.architecture, config.variant].filter(Boolean).join('/');
  return [
    `The requested image's platform (${platform}) does not match the detected host platform (${detectedPlatform()}) and no specific platform was requested`,
  ];
}

function memberOf({ hostname: _, ...member }: NonNullable<CreateOptions['pod']>): PodMember {
  return member;
}

function findImage(context: Context, name: string, platform: string | undefined): Image {
  return context.rooms.images.resolve(name, platform ? { platform } : {});
}

/** A new id; one of digits alone would look like a number to other tools. */
function newId(context: Context): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (/\D/.test(id.slice(0, 12)) && !context.registry.byFullId(id)) return id;
  }
}

const isDefaultMode = (mode: string) => mode === 'bridge' || mode === 'default';

function resolvedLink(context: Context, link: string): string {
  const { target, alias } = linkParts(link);
  try {
    let other = context.registry.lookup(target);
    // One that shares another's network is found where that one is.
    for (let mode = other.record.hostConfig.NetworkMode; mode.startsWith('container:'); ) {
      other = context.registry.lookup(mode.slice('container:'.length));
      mode = other.record.hostConfig.NetworkMode;
    }
    if (other.record.hostConfig.NetworkMode === 'host')
      throw invalidParameter(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    return `${other.id}:${alias}`;
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    throw invalidParameter(`could not get container for ${target}: ${(error as Error).message}`);
  }
}

/** Modes that name a container keep its id, so that a rename does not matter. */
function resolveModes(context: Context, host: HostConfig, pod?: string): void {
  const resolve = (mode: string, must: boolean) => {
    if (!/^container:./.test(mode)) return mode;
    const reference = mode.slice('container:'.length);
    if (reference === pod) return mode;
    const other = context.registry.find(reference);
    // Not dockerd's usual status for it: a client takes a 404 here for the image's, and pulls.
    if (!other && must) throw invalidParameter(`No such container: ${reference}`);
    return other ? `container:${other.id}` : mode;
  };
  // A network's container may come later: its absence is told at the start.
  host.NetworkMode = resolve(host.NetworkMode, false);
  host.PidMode = resolve(host.PidMode, true);
  host.IpcMode = resolve(host.IpcMode, true);
}

/** A bind of HostConfig.Mounts must be there; one of Binds is made at the start. */
async function checkSources(host: HostConfig): Promise<void> {
  for (const spec of host.Mounts ?? []) {
    const point = parseMount(spec);
    if (point.Type !== 'bind' || point.createSource) continue;
    const there = await stat(point.Source).catch(() => undefined);
    if (!there) throw mountError('bind', `bind source path does not exist: ${point.Source}`);
  }
}

/** Resolves all mounts, in dockerd's order: from other containers, Binds, Mounts, the image's and Config's Volumes. */
async function makeMounts(
  context: Context,
  record: ContainerRecord,
  { version, anonymousMounts }: CreateOptions,
): Promise<void> {
  const { hostConfig: host, config } = record;
  const points = new Map<string, MountPoint>();
  for (const spec of host.VolumesFrom ?? []) {
    const { container, readonly } = parseVolumesFrom(spec);
    let other: Container;
    try {
      other = context.registry.lookup(container);
    } catch (error) {
      throw invalidParameter((error as Error).message, error);
    }
    // dockerd keeps no mode of such a mount: RW says what holds.
    for (const point of other.record.mounts)
      points.set(point.Destination, { ...point, Mode: '', RW: point.RW && !readonly, copyUp: false });
  }
  const own = new Set<string>();
  const tmpfs = new Set<string>(Object.keys(host.Tmpfs ?? {}).map(clean));
  const add = (point: MountPoint) => {
    // A mount of `Mounts` (it has a spec) may stand at the place of a tmpfs, as dockerd has it.
    if (own.has(point.Destination) || (!point.spec && tmpfs.has(point.Destination)))
      throw invalidParameter(`Duplicate mount point: ${point.Destination}`);
    own.add(point.Destination);
    points.set(point.Destination, point);
  };
  const explicit = [
    ...(host.Binds ?? []).map((raw) => parseBind(raw, host.VolumeDriver)),
    ...(host.Mounts ?? []).map(parseMount),
  ];
  for (const point of explicit) {
    if (point.Type === 'bind') {
      checkRootPropagation(context, point);
      point.Propagation ||= defaultPropagation(context, point.Source);
      if (!point.RW && readOnlyByItself(version)) point.readOnlyNonRecursive = true;
    }
    if (point.Type === 'image') findMountedImage(context, point);
    add(point);
  }
  for (const destination of volumeDestinations(config, new Set([...own, ...tmpfs]), points))
    points.set(destination, {
      Type: 'volume',
      Source: '',
      Destination: destination,
      Driver: host.VolumeDriver || 'local',
      Mode: '',
      RW: true,
      Propagation: '',
      copyUp: true,
    });
  record.mounts = [...points.values()];
  for (const point of record.mounts) {
    if (point.Type !== 'volume' || point.Name !== undefined) continue;
    point.Name = randomBytes(32).toString('hex');
    point.anonymous = true;
  }
  // Written before the volumes are made: a kill leaves none that no record names, and a prune sees them used.
  context.records.put(record.id, record);
  const made: string[] = [];
  try {
    for (const point of record.mounts) {
      const name = await bindVolume(context, host, point, {
        explicit: explicit.includes(point),
        marked: anonymousMounts,
      });
      if (name) made.push(name);
    }
  } catch (error) {
    context.records.delete(record.id);
    for (const name of made) await context.rooms.volumes.remove(name, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Finds the image of an image mount: the one that has the name now. @throws not-found. */
function findMountedImage(context: Context, point: MountPoint): void {
  const { id, config } = context.rooms.images.resolve(point.Source);
  point.image = { name: point.Source, id, layers: config.rootfs.diff_ids };
  point.Source = id;
}

function volumeDestinations(config: Config, own: Set<string>, points: Map<string, MountPoint>): string[] {
  return Object.keys(config.Volumes ?? {})
    .map((path) => clean(path.startsWith('/') ? path : `/${path}`))
    .filter((path) => path !== '/' && !own.has(path) && !points.has(path));
}

function quota(host: HostConfig): { quotaBytes?: number } {
  if (host.StorageOpt?.['size'] === undefined) return {};
  // Quotas need a file system that counts per folder; refusing is better than promising.
  throw invalidParameter("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
}

/** Copies what the image has at an empty volume's place into it. */
async function copyUp(context: Context, container: Container): Promise<void> {
  const { layers, volumes } = context.rooms;
  let copied = false;
  for (const point of container.record.mounts) {
    if (!point.copyUp || !point.Name) continue;
    if (!(await volumes.needsCopyUp(point.Name, point.subpath))) continue;
    const image = layers.archive(container.id, {});
    try {
      const { mode } = await image.stat(point.Destination);
      if (!isFolder(mode)) continue;
    } catch {
      continue; // the image has nothing there
    }
    const { tar } = await image.get(point.Destination);
    const target = layers.archive(container.id, {
      binds: [
        {
          source: point.Source,
          ...(point.subpath && { subpath: point.subpath }),
          destination: point.Destination,
          readonly: false,
        },
      ],
    });
    await target.put(parent(point.Destination), tar, { noOverwriteDirNonDir: false });
    copied = true;
  }
  // Copied once, into an empty volume: a part of it would stay a part.
  if (copied) await layers.writeThrough(container.folder);
}

/** Go's os.ModeDir. */
const isFolder = (mode: number) => mode >= 0x80000000 || mode < 0;

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

async function undo(context: Context, container: Container): Promise<void> {
  const { registry, records, states, rooms } = context;
  registry.release(container.record.name, container.id);
  registry.delete(container);
  const made = records.delete(container.id);
  states.delete(container.id);
  await freeImage(context, container);
  if (!made) return;
  await rooms.layers
    .removeWritable(container.id)
    .catch((error) => log.warn({ err: error }, 'undoing a create'));
  await rooms.layers.discard(container.folder).catch(() => undefined);
  await rooms.networks.forget(container.id).catch(() => undefined);
  for (const point of container.record.mounts) {
    if (point.anonymous && point.Name)
      await rooms.volumes.remove(point.Name, { force: true }).catch(() => undefined);
  }
}
