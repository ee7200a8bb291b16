import { stat } from 'node:fs/promises';
import { logRecord } from '@berth/native';
import { conflict, invalidParameter } from '../../base/errors.ts';
import { checkLogConfig } from '../../logging/check.ts';
import type { PortMap } from '../../networks/api.ts';
import { bindWords } from '../../runtime/index.ts';
import { withProtocol } from '../create/config.ts';
import { checkPort, isRemapped } from '../create/hostconfig-checks.ts';
import { checkIdMapped } from '../create/mapped.ts';
import { clean, mountError, parseMount } from '../create/mounts.ts';
import { bindVolume, checkRootPropagation, defaultPropagation } from '../create/points.ts';
import type { ChangeOutcome, SettingsChange } from '../model/changes.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import type { HostConfig, MountPoint } from '../model/types.ts';
import { overlayEnvironment } from './environment.ts';
import { bindRequest } from './mount-requests.ts';
import { networkRequest } from './request.ts';
import { logSubject } from './start.ts';
import { committed, type Undo } from './undo.ts';

/** Whether a change names any of these members. */
export const changesSettings = (change: SettingsChange): boolean =>
  [
    ...[change.Labels, change.RemovedLabels, change.Env, change.RemovedEnv],
    ...[change.PortBindings, change.Mounts, change.RemovedMounts, change.LogConfig],
  ].some((member) => member !== undefined && member !== null);

/**
 * Changes a container's settings, of one that runs at once where the kernel can. The caller holds its queue, and flushes
 * the store. All is checked first; where a step fails nevertheless, `undo` takes back those before it.
 * @throws invalid-parameter naming the member, conflict, system
 */
export async function changeSettings(
  context: Context,
  container: Container,
  change: SettingsChange,
  undo: Undo,
): Promise<ChangeOutcome> {
  const published = change.PortBindings && withPorts(container.record, change.PortBindings);
  const log = change.LogConfig && mergedLogConfig(container, change.LogConfig);
  const points = await mountPoints(context, container, change);
  checkTexts(change);
  const outcome: ChangeOutcome = { Applied: [], AfterRestart: [] };
  if (published) {
    const { record } = container;
    await publish(context, container, published);
    undo.add(() => publish(context, container, record));
    setRecord(context, container, published);
    outcome.Applied.push('PortBindings');
  }
  if (log) {
    const { LogConfig } = container.record.hostConfig;
    undo.add(() => changeLog(context, container, LogConfig));
    await changeLog(context, container, log);
    outcome.Applied.push('LogConfig');
  }
  if (points) {
    const now = await changeMounts(context, container, points, undo);
    outcome[now ? 'Applied' : 'AfterRestart'].push('Mounts');
  }
  const { record } = container;
  if (change.Labels || change.RemovedLabels) {
    const Labels = { ...record.config.Labels, ...change.Labels };
    for (const name of change.RemovedLabels ?? []) delete Labels[name];
    setRecord(context, container, { ...record, config: { ...record.config, Labels } });
    outcome.Applied.push('Labels');
  }
  if (change.Env || change.RemovedEnv) {
    const { config } = container.record;
    setRecord(context, container, {
      ...container.record,
      config: { ...config, Env: mergedEnvironment(config.Env ?? [], change) },
    });
    // Execs have it from now on; the program that runs keeps what it was given.
    outcome[container.alive ? 'AfterRestart' : 'Applied'].push('Env');
  }
  return outcome;
}

function checkTexts({ Labels, Env }: SettingsChange): void {
  for (const name of Object.keys(Env ?? {}))
    if (name === '' || name.includes('=')) throw invalidParameter(`invalid environment variable: ${name}`);
  if (Object.hasOwn(Labels ?? {}, '')) throw invalidParameter('invalid Labels: a label has no name');
}

function mergedEnvironment(before: string[], { Env = {}, RemovedEnv = [] }: SettingsChange): string[] {
  const variables = new Map<string, string>();
  overlayEnvironment(variables, before);
  for (const [name, value] of Object.entries(Env)) variables.set(name, `${name}=${value}`);
  for (const name of RemovedEnv) variables.delete(name);
  return [...variables.values()];
}

function mergedLogConfig(container: Container, { Type, Config }: NonNullable<SettingsChange['LogConfig']>) {
  const before = container.record.hostConfig.LogConfig;
  const type = Type || before.Type;
  const config = { ...(type === before.Type ? before.Config : {}), ...Config };
  checkLogConfig(type, config);
  return { Type: type, Config: config };
}

async function changeLog(
  context: Context,
  container: Container,
  config: HostConfig['LogConfig'],
): Promise<void> {
  const { supervisor, record } = container;
  if (supervisor && container.alive) {
    const log = await context.rooms.logging.begin(config, logSubject(container), container.folder);
    await supervisor.control(logRecord(log));
  }
  setRecord(context, container, { ...record, hostConfig: { ...record.hostConfig, LogConfig: config } });
}

/** The record with these bindings of ports. @throws invalid-parameter, conflict */
function withPorts(record: Container['record'], change: PortMap): Container['record'] {
  const { config, hostConfig } = record;
  const mode = hostConfig.NetworkMode;
  if (mode === 'host' || mode === 'none' || mode.startsWith('container:'))
    throw conflict(
      `PortBindings cannot be updated: a container with network mode ${mode} publishes no ports`,
    );
  const bindings: PortMap = { ...hostConfig.PortBindings };
  const exposed = { ...config.ExposedPorts };
  for (const [given, list] of Object.entries(change)) {
    checkPort(given, list ?? []);
    const port = withProtocol(given);
    delete bindings[port];
    delete bindings[given];
    if (!list?.length) continue;
    bindings[port] = list.map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort }));
    exposed[port] = {};
  }
  return {
    ...record,
    config: { ...config, ExposedPorts: exposed },
    hostConfig: { ...hostConfig, PortBindings: bindings },
  };
}

/** In two steps: a port that another binding takes must be given back by the supervisor first. */
async function publish(context: Context, container: Container, wanted: Container['record']): Promise<void> {
  const { networks } = context.rooms;
  const request = (record: Container['record']) => networkRequest({ record, folder: container.folder });
  const now = async (record: Container['record']) => {
    try {
      await networks.publish(request(record));
      // The supervisor must hold no port that no record names.
      await committed();
    } finally {
      for (const control of networks.takeControls(container.id)) await container.supervisor?.control(control);
    }
  };
  if (!container.alive) return now(wanted);
  const [before, after] = [container.record.hostConfig.PortBindings ?? {}, wanted.hostConfig.PortBindings!];
  const kept = Object.fromEntries(
    Object.entries(before).filter(([port, list]) => JSON.stringify(after[port]) === JSON.stringify(list)),
  );
  await now({ ...wanted, hostConfig: { ...wanted.hostConfig, PortBindings: kept } });
  try {
    await now(wanted);
  } catch (error) {
    await now(container.record);
    throw error;
  }
}

interface ChangedMounts {
  added: MountPoint[];
  removed: Set<string>;
}

/** The mounts that come and go, checked. @throws invalid-parameter, not-found */
async function mountPoints(
  context: Context,
  container: Container,
  { Mounts, RemovedMounts }: SettingsChange,
): Promise<ChangedMounts | undefined> {
  if (!Mounts?.length && !RemovedMounts?.length) return undefined;
  const there = container.record.nextMounts ?? container.record.mounts;
  const removed = new Set((RemovedMounts ?? []).map(clean));
  for (const target of removed)
    if (!there.some(({ Destination }) => Destination === target))
      throw invalidParameter(`invalid RemovedMounts: nothing is mounted at ${target}`);
  const added = (Mounts ?? []).map(parseMount);
  checkIdMapped(added, isRemapped(container.record.hostConfig, context.rooms.settings));
  const targets = new Set<string>();
  for (const point of added) {
    if (targets.has(point.Destination)) throw invalidParameter(`Duplicate mount point: ${point.Destination}`);
    targets.add(point.Destination);
    if (point.Type !== 'bind' && point.Type !== 'volume' && point.Type !== 'tmpfs')
      throw invalidParameter(`invalid Mounts: a mount of type ${point.Type} cannot be added by an update`);
    if (point.Type === 'volume' && !point.Name)
      throw invalidParameter('invalid Mounts: field Source must name the volume');
    if (point.Type !== 'bind') continue;
    checkRootPropagation(context, point);
    point.Propagation ||= defaultPropagation(context, point.Source);
    if (!point.createSource && !(await stat(point.Source).catch(() => undefined)))
      throw mountError('bind', `bind source path does not exist: ${point.Source}`);
  }
  return { added, removed };
}

/** Returns whether the changes hold now; else they do with the next start. */
async function changeMounts(
  context: Context,
  container: Container,
  { added, removed }: ChangedMounts,
  undo: Undo,
): Promise<boolean> {
  const { record } = container;
  const before = record.nextMounts ?? record.mounts;
  const replaced = new Set([...removed, ...added.map(({ Destination }) => Destination)]);
  for (const point of added) {
    const made = await bindVolume(context, record.hostConfig, point, { explicit: true });
    if (made) undo.add(() => context.rooms.volumes.remove(made, { force: true }));
  }
  // Before a volume goes again no record may name it.
  undo.add(() => setRecord(context, container, record));
  const mounts = [...before.filter(({ Destination }) => !replaced.has(Destination)), ...added];
  const going = before.filter(({ Destination }) => replaced.has(Destination));
  const hostConfig = withoutMounts(record.hostConfig, replaced, added);
  const changing = [...going, ...added];
  const live =
    !record.nextMounts &&
    !isRemapped(record.hostConfig, context.rooms.settings) &&
    // Another runtime's sandbox may not show what is mounted in its namespace.
    container.supervisor?.foreign !== true &&
    changing.every(({ Type }) => Type === 'bind' || Type === 'volume');
  if (!container.alive || !live) {
    const later = container.alive ? { nextMounts: mounts } : { mounts };
    setRecord(context, container, { ...record, hostConfig, ...later });
    return !container.alive;
  }
  for (const point of going) {
    await removeMount(context, container, point);
    undo.add(() => addMount(context, container, point));
  }
  setRecord(context, container, {
    ...container.record,
    mounts: before.filter(({ Destination }) => !replaced.has(Destination)),
  });
  for (const point of added) {
    await addMount(context, container, point);
    undo.add(() => removeMount(context, container, point));
    setRecord(context, container, {
      ...container.record,
      mounts: [...container.record.mounts, point],
    });
  }
  setRecord(context, container, { ...container.record, hostConfig });
  return true;
}

async function addMount(context: Context, container: Container, point: MountPoint): Promise<void> {
  const { volumes } = context.rooms;
  if (point.Name) await volumes.mount(point.Name, container.id);
  try {
    await container.supervisor!.control(['mount-add', ...bindWords(bindRequest(point))]);
  } catch (error) {
    if (point.Name) await volumes.unmount(point.Name, container.id);
    throw conflict(`the mount at ${point.Destination} cannot be made: ${(error as Error).message}`, error);
  }
}

async function removeMount(context: Context, container: Container, point: MountPoint): Promise<void> {
  try {
    await container.supervisor!.control(['mount-remove', point.Destination]);
  } catch (error) {
    throw conflict(
      `the mount at ${point.Destination} cannot be taken away: ${(error as Error).message}`,
      error,
    );
  }
  if (point.Name) await context.rooms.volumes.unmount(point.Name, container.id);
}

/** The settings without what asked for mounts at these places, and with the new ones. */
function withoutMounts(host: HostConfig, places: ReadonlySet<string>, added: MountPoint[]): HostConfig {
  const binds = host.Binds?.filter((raw) => !places.has(clean(raw.split(':')[raw.includes(':') ? 1 : 0]!)));
  const mounts = [
    ...(host.Mounts ?? []).filter(({ Target }) => !places.has(clean(Target ?? ''))),
    ...added.map(({ spec }) => spec!),
  ];
  const { Mounts: _, ...rest } = host;
  return { ...rest, Binds: binds ?? null, ...(mounts.length > 0 && { Mounts: mounts }) };
}
