import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../base/log.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import { passControls } from './connect.ts';
import type { Life } from './life.ts';
import { networkRequest } from './request.ts';
import { clearRunFolder, runFolder, runFolders } from './start.ts';
import { resumeStop } from './stop.ts';
import { finishRecall, recallSettings } from './undo.ts';

/** Finds what still runs after the daemon was away, and clears what belongs to nothing. */
export async function reconcileContainers(context: Context, life: Life): Promise<void> {
  const { rooms } = context;
  for (const folder of [join(rooms.settings.dataRoot, 'containers'), runFolders(context)])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  // A start that an earlier daemon's launcher has not come to the end of would be missed, and be nobody's afterwards.
  await rooms.launcher.ready();
  await rooms.pods?.reconcile();
  await dropUnfinished(context);
  await arrangeFolders(context);
  await Promise.all([...context.registry.all()].map((container) => resume(context, life, container)));
  for (const container of context.registry.all()) recallSettings(context, container);
  const running = [...context.registry.all()].filter(({ alive }) => alive);
  await rooms.runtime.reconcile(new Set(running.map(({ id }) => id)));
  await rooms.networks.reconcile([
    ...running
      .filter(({ record }) => !record.hostConfig.NetworkMode.startsWith('container:'))
      .map((container) => ({ request: networkRequest(container), pid: container.state.pid })),
    ...(rooms.pods?.attached() ?? []),
  ]);
  for (const container of running) await passControls(context, container);
  for (const container of context.registry.all()) await finishRecall(context, container);
  await rooms.volumes.reconcile(
    running.map(({ id, record }) => ({
      owner: id,
      volumes: record.mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
    })),
  );
  await rooms.secrets.reconcile(new Set(running.map(({ id }) => id)));
  for (const container of context.registry.all()) {
    if (container.record.buildStep) life.autoRemove(container);
    else await container.queue(() => life.apply(container, { type: 'daemon-up' }));
    resumeStop(context, life, container);
  }
}

/**
 * A create that was killed half-way, before all its records were written, was never acknowledged: what is left goes, and
 * so does what a removal left that had come as far. A removal that had only begun is gone on with by `daemon-up`.
 */
async function dropUnfinished(context: Context): Promise<void> {
  const { rooms, records, states } = context;
  const owners = new Set(await rooms.layers.writables());
  const damaged = rooms.store.damaged('writable_layers');
  for (const record of [...records.values()]) {
    if (damaged.has(record.id)) {
      rooms.store.putAside('containers', record.id, 'the record of its writable layer is damaged');
      const container = context.registry.byFullId(record.id);
      if (container) context.registry.delete(container);
      continue;
    }
    if (states.has(record.id) && owners.has(record.id) && !record.unfinished) continue;
    const container = context.registry.byFullId(record.id);
    if (container) context.registry.delete(container);
    records.delete(record.id);
    states.delete(record.id);
    await rooms.networks.forget(record.id).catch(() => undefined);
    for (const point of record.keepsVolumes ? [] : record.mounts) {
      if (point.anonymous && point.Name)
        await rooms.volumes.remove(point.Name, { force: true }).catch(() => undefined);
    }
  }
}

/** Removes folders of containers that no record names; makes those again that a power cut took. */
async function arrangeFolders(context: Context): Promise<void> {
  const folder = join(context.rooms.settings.dataRoot, 'containers');
  const there = new Set(await readdir(folder));
  const damaged = context.rooms.store.damaged('containers');
  for (const entry of there) {
    if (!context.records.has(entry) && !damaged.has(entry))
      await rm(join(folder, entry), { recursive: true, force: true });
  }
  for (const container of context.registry.all())
    if (!there.has(container.id)) context.folders.make(container.folder);
  const runs = runFolders(context);
  const known = new Set([...context.records.values()].map(({ id }) => runFolder(context, id)));
  for (const entry of await readdir(runs).catch(() => [] as string[])) {
    const path = join(runs, entry);
    if (known.has(path)) continue;
    // A process that still runs there belongs to no container any more.
    const supervisor = await context.rooms.launcher.reconnect(entry, path).catch(() => null);
    await supervisor?.kill(9).catch(() => undefined);
    void supervisor?.release();
    await rm(path, { recursive: true, force: true });
  }
}

async function resume(context: Context, life: Life, container: Container): Promise<void> {
  const { launcher } = context.rooms;
  const folder = runFolder(context, container.id);
  try {
    const supervisor = await launcher.reconnect(container.id, folder);
    await container.queue(() =>
      life.resume(container, supervisor, supervisor ? null : launcher.lastExit(folder)),
    );
    // Also one that the daemon made for a start that it was killed in.
    if (!supervisor) await clearRunFolder(context, container.id);
  } catch (error) {
    log.error({ container: container.id, err: error }, 'could not reconnect to a container');
  }
}
