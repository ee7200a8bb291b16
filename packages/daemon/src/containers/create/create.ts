import { randomBytes } from 'node:crypto';
import { invalidParameter, notFound } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { nowNanos, rfc3339 } from '../../base/time.ts';
import type { Image } from '../../images/api.ts';
import { detectedPlatform, hostPlatform } from '../../images/index.ts';
import type { NetworkState } from '../../networks/api.ts';
import type { CreateOptions } from '../api.ts';
import { makeWorkingDir } from '../io/archive.ts';
import { discardUnsupported, resourcesOf } from '../lifecycle/limits.ts';
import { freeImage } from '../lifecycle/remove.ts';
import { checkable, networkRequest } from '../lifecycle/request.ts';
import { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import { checkName, generateName } from '../model/names.ts';
import { INITIAL } from '../model/state.ts';
import type { ContainerRecord, HostConfig, PodMember } from '../model/types.ts';
import { commandLine, defaultHostname, mergeConfig } from './config.ts';
import { copyUp, mayCopyUp } from './copy-up.ts';
import { fillHostConfig } from './hostconfig.ts';
import { type AskedNames, checkHostConfig, checkModes, checkRemapped } from './hostconfig-checks.ts';
import { checkSources, makeMounts } from './points.ts';
import { namedEndpoints, resolveLinks, resolveModes } from './references.ts';

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
  const { body } = options;
  const warnings: string[] = [];
  const { HostConfig: hostBody = {}, NetworkingConfig: networking, ...configBody } = body;
  if (Object.keys(configBody).length === 0)
    throw invalidParameter('config cannot be empty in order to create a container');

  const imageName = String(configBody['Image'] ?? '');
  const image = imageName === '' ? undefined : findImage(context, imageName, options.platform);
  const config = mergeConfig(configBody, image?.config.config ?? {});
  const host = fillHostConfig(hostBody, {
    settings: rooms.settings,
    cgroupVersion: rooms.runtime.cgroupVersion,
    runtime: rooms.runtime.handlers.default,
    hostCgroupnsOnV1: options.hostCgroupnsOnV1 ?? false,
  });
  checkModes(host, configBody as AskedNames);
  rooms.runtime.handlers.check(host.Runtime);
  checkRemapped(host, rooms.settings);
  warnings.push(...checkHostConfig(host, hostBody), ...rooms.runtime.validate(checkable(host)));
  discardUnsupported(host, rooms.runtime.supported(resourcesOf(host)));
  Object.assign(host, rooms.secrets.references({ ...hostBody, Annotations: host.Annotations }));
  await checkSources(host);
  if (!image) throw notFound(`No such image: ${imageName}`);
  const name = options.name?.replace(/^\//, '');
  if (name) checkName(name, options.name);
  resolveModes(context, host, options.pod?.id);

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
    endpoints: namedEndpoints(networking?.EndpointsConfig, host),
    ...(options.buildStep && { buildStep: true }),
    ...(options.noLinkVariables && { noLinkVariables: true }),
    ...(options.anySubnet && { anySubnet: true }),
    ...(options.pod && { pod: memberOf(options.pod) }),
  };
  host.Links = resolveLinks(context, host);
  const container = new Container(rooms.settings.dataRoot, record, { ...INITIAL }, networkState);
  registry.begin(container);
  try {
    if (host.NetworkMode.startsWith('container:'))
      rooms.networks.check({ ...networkRequest(container), endpoints: networking?.EndpointsConfig ?? {} });
    else rooms.networks.prepare(networkRequest(container));
    await makeMounts(context, record, options);
    // An image's own directory may wait for the start; one that was asked for is made, or refused, now.
    const ownWorkingDir = config.WorkingDir !== (image.config.config?.WorkingDir ?? '');
    if (ownWorkingDir || mayCopyUp(record)) record.unfinished = true;
    // Likewise before what else it owns.
    context.records.put(id, record);
    context.states.put(id, container.state);
    context.folders.make(container.folder);
    await rooms.layers.createWritable(id, image.config.rootfs.diff_ids, { ...quota(host), places: true });
    await copyUp(context, container);
    if (ownWorkingDir) await makeWorkingDir(context, container);
    if (record.unfinished) {
      const { unfinished: _, ...whole } = record;
      setRecord(context, container, whole);
    }
    // With the layer's record: without it what was acknowledged would look unfinished after a kill.
    await rooms.store.flush();
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

function quota(host: HostConfig): { quotaBytes?: number } {
  if (host.StorageOpt?.['size'] === undefined) return {};
  // Quotas need a file system that counts per folder; refusing is better than promising.
  throw invalidParameter("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
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
