import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LaunchRecord, LogOptions, Supervisor } from '@berth/native';
import { notFound } from '../../base/errors.ts';
import { span } from '../../base/spans.ts';
import type { LogSubject } from '../../logging/api.ts';
import type { PodJoin } from '../../pods/api.ts';
import type { RuntimeRequest } from '../../runtime/index.ts';
import { isRemapped } from '../create/hostconfig-checks.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import { tellMounts, tellUnmounts } from '../model/mount-events.ts';
import { deviceRuntime, requestedDevices, withDevices } from './devices.ts';
import { type Joined, resolveJoins } from './joins.ts';
import { linkVariables } from './links.ts';
import { placeSecrets, prepareMounts } from './mount-sources.ts';
import { processUser } from './process-user.ts';
import { checkable, networkRequest, runtimeRequest } from './request.ts';

/** The folder of a container's supervisor, for its socket and exit record. Short: paths of sockets are limited. */
export function runFolder(context: Context, id: string): string {
  return join(runFolders(context), id.slice(0, 32));
}

/** The directory of all run folders. */
export function runFolders(context: Context): string {
  return join(context.rooms.settings.execRoot, 'c');
}

/**
 * Makes a container run: mounts, network, launch. What was made is undone when it throws.
 * @throws BerthError or LaunchError; `startFailure` tells them apart.
 */
export async function launch(context: Context, container: Container): Promise<Supervisor> {
  const { rooms, registry } = context;
  takeNextMounts(context, container);
  const { config, hostConfig: host, pod } = container.record;
  // Limits that were changed while it did not run may not go together; the kubelet's are checked where it asks for them.
  if (!pod) rooms.runtime.validate(checkable(host));
  const devices = await requestedDevices(rooms.runtime, host.DeviceRequests ?? []);
  const { program } = await deviceRuntime(rooms.runtime, host.Runtime, devices);
  const log = pod?.log
    ? await criLog(pod.log)
    : await rooms.logging.begin(host.LogConfig, logSubject(container), container.folder);
  const joined = resolveJoins(container.record, (reference) => registry.lookup(reference));
  if (joined.network) takeNames(context, container, joined.network);
  if (pod) joined.pod = joinPod(context, pod.id);
  const [network, files] = await settled([
    joined.network || joined.pod
      ? undefined
      : span('attach to networks', () =>
          rooms.networks.attach({
            ...networkRequest(container),
            ...(isRemapped(host, rooms.settings) && { userMaps: userMaps(context, joined) }),
          }),
        ),
    span('prepare mounts', async () => {
      await prepareMounts(context, container);
      return placeSecrets(context, container);
    }),
    container.cleaning,
  ]);
  // Clients that follow the events know the networks before the volumes, as dockerd has it.
  tellMounts(context, container);
  joined.links = linkVariables(container, (name) => registry.find(name));
  const own = runtimeRequest(
    container,
    rooms.settings,
    rooms.layers.rootFilesystem(container.id, { volatile: host.AutoRemove }),
    networkNamespace(container, network?.path, joined),
    joined,
    rooms.layers,
  );
  const request = withDevices({ ...own, mounts: [...own.mounts, ...files] }, devices);
  const folder = runFolder(context, container.id);
  const records = [
    ...rooms.runtime.compile(rooms.runtime.spec(request), {
      program,
      bundle: folder,
      ...(container.restoring && { restore: container.restoring }),
    }),
    ...(network?.launch ?? []),
  ];
  const pending = container.pending;
  // Its addresses and limits are recorded before it can run, and safe from a power cut before its start is answered.
  container.recorded = rooms.store.flush();
  container.recorded.catch(() => undefined);
  // A commit that fails does so at once: nothing is started then that the next daemon would not know of.
  await Promise.race([container.recorded, Promise.resolve()]);
  // The supervisor would make it, too, and does where one that is about to end takes its own away.
  if (!existsSync(folder)) context.runs.make(folder);
  const supervisor = await span('launch', () =>
    rooms.launcher.start({
      id: container.id,
      runFolder: folder,
      launch: records,
      log,
      openStdin: config.OpenStdin,
      stdinOnce: config.StdinOnce,
      tty: config.Tty,
      ...(pending.length > 0 && { attach: pending.map(({ options }) => options) }),
    }),
  );
  container.request = request;
  if (pod) keepUser(context, container, supervisor.pid);
  container.pending = container.pending.filter((attach) => !pending.includes(attach));
  pending.forEach((attach, index) => {
    attach.deliver({ stream: supervisor.early[index]!, supervisor });
  });
  return supervisor;
}

/** @throws conflict when the pod does not run, not-found when it is gone. */
function joinPod({ rooms }: Context, id: string): PodJoin {
  if (!rooms.pods) throw notFound(`pod ${id} is not there`);
  return rooms.pods.join(id);
}

/** Records the ids of a container's first process; nothing where it has ended already. */
function keepUser(context: Context, container: Container, pid: number): void {
  const { record } = container;
  const pod = record.pod && context.rooms.pods?.find(record.pod.id);
  const user = pod && processUser(pid, pod.config.users);
  if (user) setRecord(context, container, { ...record, pod: { ...record.pod!, user } });
}

/** The log of a container of a pod; its folder is made where it is missing. */
async function criLog(path: string): Promise<LogOptions> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  return { driver: 'cri', path, maxSize: 0, maxFile: 1, compress: false };
}

/** Mounts that an update of the run before could only note. */
function takeNextMounts(context: Context, container: Container): void {
  const { nextMounts, ...record } = container.record;
  if (nextMounts) setRecord(context, container, { ...record, mounts: nextMounts });
}

/** A container that shares another's network takes its host names, too, in its settings as well. */
function takeNames(
  context: Context,
  container: Container,
  { Hostname, Domainname }: { Hostname: string; Domainname: string },
): void {
  const { record } = container;
  setRecord(context, container, { ...record, config: { ...record.config, Hostname, Domainname } });
}

/**
 * A container that shares another's PID or IPC namespace shares its user namespace, so its network belongs to that
 * one.
 */
function userMaps({ rooms }: Context, { pid, ipc }: Joined): LaunchRecord[] {
  const other = pid ?? ipc;
  return other === undefined
    ? rooms.runtime.userMaps()
    : [['user-namespace', `/proc/${other}/ns/user`, '', '']];
}

/** Waits for all; the first failure is thrown only when all have ended, so that undoing meets no work under way. */
async function settled<A, B, C>(
  work: [Promise<A> | A, Promise<B> | B, Promise<C> | C],
): Promise<[Awaited<A>, Awaited<B>, Awaited<C>]> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as [
    Awaited<A>,
    Awaited<B>,
    Awaited<C>,
  ];
}

function networkNamespace(container: Container, path: string | undefined, joined: Joined): string {
  if (joined.pod) return joined.pod.network;
  if (joined.network) return `/proc/${joined.network.pid}/ns/net`;
  if (path) return path;
  return container.record.hostConfig.NetworkMode === 'host' ? 'host' : 'none';
}

/** Makes anew the request that confines execs, for a container that an earlier daemon started. */
export async function rebuildRequest(context: Context, container: Container): Promise<RuntimeRequest> {
  const { rooms } = context;
  const request = runtimeRequest(
    container,
    rooms.settings,
    rooms.layers.rootFilesystem(container.id),
    `/proc/${container.state.pid}/ns/net`,
    { links: linkVariables(container, (name) => context.registry.find(name)) },
    rooms.layers,
  );
  const asked = container.record.hostConfig.DeviceRequests ?? [];
  // An exec is no place to refuse a device whose file went away while it is in use.
  const edits = await requestedDevices(rooms.runtime, asked).catch(() => undefined);
  return withDevices(request, edits);
}

/** The file that the supervisor writes the log to. */
export function logPath({ rooms }: Pick<Context, 'rooms'>, container: Container): string {
  if (container.record.pod?.log) return container.record.pod.log;
  return rooms.logging.path(container.record.hostConfig.LogConfig, container.id, container.folder);
}

/** The facts of a container that log drivers may tell. */
export function logSubject({ id, record }: Container): LogSubject {
  const { name, imageId, imageName, created, path, args, config } = record;
  return { id, name, imageId, imageName, created, path, args, labels: config.Labels, env: config.Env ?? [] };
}

/** Gives back what a start took or a run held but its cgroup. Succeeds when there is nothing. */
export async function release(context: Context, container: Container): Promise<void> {
  const { rooms } = context;
  const { record } = container;
  const work: Promise<unknown>[] = [];
  if (!record.hostConfig.NetworkMode.startsWith('container:')) work.push(rooms.networks.detach(container.id));
  for (const point of record.mounts) {
    if (point.Type !== 'volume' || !point.Name) continue;
    work.push(rooms.volumes.unmount(point.Name, container.id));
  }
  tellUnmounts(context, container);
  if (record.hostConfig.Secrets || record.hostConfig.Configs) work.push(rooms.secrets.release(container.id));
  rooms.logging.ended(container.id);
  await Promise.all(work);
}

/** Removes the supervisor's folder. */
export async function clearRunFolder(context: Context, id: string): Promise<void> {
  const folder = runFolder(context, id);
  // The supervisor has done it, as a rule. A supervisor that learns only now that no daemon listens may write its exit record
  // there meanwhile: hence the retries.
  if (existsSync(folder)) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
