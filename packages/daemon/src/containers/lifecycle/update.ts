import { readFile, writeFile } from 'node:fs/promises';
import { conflict, invalidParameter, systemError } from '../../base/errors.ts';
import type { Resources } from '../../runtime/api.ts';
import type { MemberChange } from '../api.ts';
import { checkRestartPolicy } from '../create/hostconfig-checks.ts';
import type { ChangeOutcome, Update } from '../model/changes.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import type { HostConfig } from '../model/types.ts';
import { changeSettings, changesSettings } from './change.ts';
import { discardUnsupported, resourcesOf } from './limits.ts';
import { checkable } from './request.ts';
import { intend, Undo } from './undo.ts';

/**
 * The HostConfig after an update: members that are zero or absent stay as they are.
 * @throws conflict, invalid-parameter with dockerd's texts
 */
export function mergeUpdate(host: HostConfig, change: Update): HostConfig {
  const merged: HostConfig = { ...host };
  const cannot = (why: string) => conflict(`Conflicting options: ${why}`);
  if (change.NanoCpus && host.CpuPeriod > 0)
    throw cannot('Nano CPUs cannot be updated as CPU Period has already been set');
  if (change.NanoCpus && host.CpuQuota > 0)
    throw cannot('Nano CPUs cannot be updated as CPU Quota has already been set');
  if (change.CpuPeriod && host.NanoCpus > 0)
    throw cannot('CPU Period cannot be updated as NanoCPUs has already been set');
  if (change.CpuQuota && host.NanoCpus > 0)
    throw cannot('CPU Quota cannot be updated as NanoCPUs has already been set');
  for (const member of [
    'BlkioWeight',
    'CpuShares',
    'NanoCpus',
    'CpuPeriod',
    'CpuQuota',
    'CpuRealtimePeriod',
    'CpuRealtimeRuntime',
    'MemoryReservation',
  ] as const)
    if (change[member]) merged[member] = change[member];
  if (change.CpusetCpus) merged.CpusetCpus = change.CpusetCpus;
  if (change.CpusetMems) merged.CpusetMems = change.CpusetMems;
  if (change.Memory) {
    if (change.Memory > host.MemorySwap && !change.MemorySwap)
      throw conflict(
        'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
      );
    merged.Memory = change.Memory;
  }
  if (change.MemorySwap) merged.MemorySwap = change.MemorySwap;
  // Any value that is no number of processes means without limit, which is kept as 0.
  if (typeof change.PidsLimit === 'number') merged.PidsLimit = Math.max(0, change.PidsLimit);
  const policy = change.RestartPolicy;
  if (policy?.Name) {
    if (host.AutoRemove && policy.Name !== 'no')
      throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
    merged.RestartPolicy = { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount ?? 0 };
  }
  return merged;
}

/** Changes limits, restart policy and settings, of a running container at once: all, or none. Returns warnings. */
export async function updateContainer(
  context: Context,
  container: Container,
  change: Update,
): Promise<{ Warnings: string[] | null } & Partial<ChangeOutcome>> {
  const { runtime } = context.rooms;
  if (change.RestartPolicy)
    checkRestartPolicy({
      Name: change.RestartPolicy.Name ?? '',
      MaximumRetryCount: change.RestartPolicy.MaximumRetryCount ?? 0,
    });
  if (container.removing || container.state.status === 'dead')
    throw conflict(
      `Cannot update container ${container.id}: Container is marked for removal and cannot be "update".`,
    );
  // The new limits must be valid by themselves, and together with those the container has.
  const { RestartPolicy: _, ...resources } = change;
  const asked = runtime.validate(
    { ...checkable({ ...container.record.hostConfig, Privileged: false }), resources },
    { update: true },
  );
  return container.queue(async () => {
    const before = container.record;
    const { merged, outcome } = await allOrNone(context, container, async (undo) => {
      const merged = mergeUpdate(before.hostConfig, change);
      // A reservation is compared with the limit only where one request names both.
      // Hierarchies of cgroup v1 take both limits as they are and refuse a wrong one themselves, as dockerd has it.
      const told = { MemoryReservation: 0, ...(runtime.cgroupVersion === 1 && { MemorySwap: 0 }) };
      runtime.validate(checkable({ ...merged, ...told }));
      discardUnsupported(merged, runtime.supported(resourcesOf(merged)));
      undo.add(() => setRecord(context, container, before));
      await intend(context, container, change);
      const outcome = changesSettings(change)
        ? await changeSettings(context, container, change, undo)
        : undefined;
      if (container.alive) undo.add(await runtime.update(container.id, resourcesOf(merged)));
      const { LogConfig, PortBindings, Binds, Mounts } = container.record.hostConfig;
      const settings = { LogConfig, PortBindings, Binds, ...(Mounts && { Mounts }) };
      if (!Mounts) delete merged.Mounts;
      const { updating: _, ...record } = container.record;
      setRecord(context, container, { ...record, hostConfig: { ...merged, ...settings } });
      return { merged, outcome };
    });
    await limitsChanged(context, container, resourcesOf(merged), Boolean(change.Memory));
    return { Warnings: asked.length > 0 ? asked : null, ...outcome };
  });
}

/** Changes the limits of a pod's container, of a running one at once: all, or none. @throws invalid-parameter, system */
export async function updateMember(
  context: Context,
  container: Container,
  { resources, unified, hugepages, oomScoreAdj, told }: MemberChange,
): Promise<void> {
  const { runtime } = context.rooms;
  await container.queue(async () => {
    const { record } = container;
    const hostConfig = {
      ...record.hostConfig,
      ...(resources as Partial<HostConfig>),
      ...(oomScoreAdj !== undefined && { OomScoreAdj: oomScoreAdj }),
    };
    runtime.validate(checkable({ ...hostConfig, Privileged: false }));
    const former = record.pod!;
    const member = {
      ...former,
      unified: { ...former.unified, ...unified },
      hugepages: [
        ...former.hugepages.filter(({ PageSize }) => hugepages.every((other) => other.PageSize !== PageSize)),
        ...hugepages,
      ],
      told,
    };
    const limits: Resources = {
      ...resourcesOf(hostConfig),
      Unified: member.unified,
      HugepageLimits: member.hugepages,
    };
    await allOrNone(context, container, async (undo) => {
      undo.add(() => setRecord(context, container, record));
      await intend(context, container);
      if (container.alive) {
        undo.add(await runtime.update(container.id, limits));
        // One that stays is not written: a process may have raised its own.
        if (hostConfig.OomScoreAdj !== record.hostConfig.OomScoreAdj)
          await setOomScore(await runtime.processes(container.id), hostConfig.OomScoreAdj, undo);
      }
      const { updating: _, ...now } = container.record;
      setRecord(context, container, { ...now, hostConfig, pod: member });
    });
    await limitsChanged(context, container, limits, Boolean(resources.Memory));
  });
}

/**
 * Does the steps of an update and has them on disk: all of them, or none.
 * @throws the error of the step that failed, naming those before it that could not be taken back
 */
async function allOrNone<Result>(
  { rooms: { store } }: Context,
  { id }: Container,
  steps: (undo: Undo) => Promise<Result>,
): Promise<Result> {
  const undo = new Undo();
  try {
    const result = await steps(undo);
    await store.flush();
    return result;
  } catch (error) {
    const left = await undo.all();
    await store.flushOrLater();
    throw prefixed(error, id, left);
  }
}

/** Tells of limits that a container has now. */
async function limitsChanged(
  context: Context,
  container: Container,
  resources: Resources,
  isMemory: boolean,
): Promise<void> {
  // A container without a limit has no watch for the OOM killer; one that has just ended needs none.
  if (isMemory) await container.supervisor?.control(['oom-watch']).catch(() => undefined);
  if (container.request) container.request = { ...container.request, resources };
  context.emit(container, 'update');
}

/** @throws system where a process that lives cannot be given the score */
async function setOomScore(pids: number[], score: number, undo: Undo): Promise<void> {
  for (const pid of pids) {
    const file = `/proc/${pid}/oom_score_adj`;
    try {
      const before = await readFile(file, 'utf8');
      await writeFile(file, String(score));
      undo.add(() => writeFile(file, before).catch(unlessGone));
    } catch (error) {
      unlessGone(error);
    }
  }
}

/** A process that has ended meanwhile has no score. */
function unlessGone(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ESRCH') throw systemError(`write oom_score_adj: ${message}`, error);
}

/** @param left the steps that could not be taken back */
function prefixed(error: unknown, id: string, left: string[]): unknown {
  if (!(error instanceof Error)) return error;
  // The reason that a start wraps into the launch error is what dockerd answers to an update.
  const said =
    /procHooks process: (.*): unknown$/.exec(error.message)?.[1] ??
    /^failed to write .*$/.exec(error.message)?.[0];
  const why = said ? `runc did not terminate successfully: exit status 1: ${said}\n: unknown` : error.message;
  const undone = left.length > 0 ? `; these of its changes could not be taken back: ${left.join('; ')}` : '';
  const text = `Cannot update container ${id}: ${why}${undone}`;
  const { kind } = error as { kind?: string };
  if (kind === 'conflict') return conflict(text, error);
  if (kind === 'invalid-parameter') return invalidParameter(text, error);
  return Object.assign(error, { message: text });
}
