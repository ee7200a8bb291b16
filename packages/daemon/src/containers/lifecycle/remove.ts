import { conflict, notFound, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { Execs } from '../io/exec.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import { killAndWait } from './kill.ts';
import type { Life } from './life.ts';
import { linkParts } from './links.ts';
import { clearRunFolder } from './start.ts';

/**
 * Removes a container and all that it owns. `force` kills it first, also out of a start that hangs.
 * @throws conflict with dockerd's texts; system when something of it can't be removed (it is `dead` then)
 */
export async function removeContainer(
  context: Context,
  life: Life,
  execs: Execs,
  container: Container,
  options: { force: boolean; volumes: boolean; resumed?: boolean },
): Promise<void> {
  if (container.removing)
    throw conflict(`removal of container ${container.record.name} is already in progress`);
  if (options.force) {
    if (container.starting) await life.abandonStart(container);
    if (container.alive) {
      const ended = container.wait('next-exit');
      await life.apply(container, { type: 'stop-asked' });
      await killAndWait(context, container, ended);
    }
  }
  // An automatic removal may have begun with the end.
  if (container.removing) {
    await container.wait('removed');
    return;
  }
  if (container.gone.signal.aborted) return;
  await container.queue(async () => {
    if (container.gone.signal.aborted) return;
    await life.apply(container, { type: 'remove', force: options.force, resumed: options.resumed === true });
    container.removing = true;
    // A removal that is killed half-way is ended by the next start.
    const keepsVolumes = !options.volumes && container.record.mounts.some(({ anonymous }) => anonymous);
    if (keepsVolumes !== (container.record.keepsVolumes ?? false))
      setRecord(context, container, { ...container.record, keepsVolumes });
    // A container whose removal was answered must not come back after a power cut: the next start goes on from this record.
    const recorded = context.rooms.store.flush();
    recorded.catch(() => undefined);
    try {
      await removeOwned(context, container, options.volumes);
      // On a full disk, what was removed makes room for the record, perhaps not at once: its files are gone in any case.
      await recorded.catch(() => context.rooms.store.flushOrLater());
    } catch (error) {
      container.removing = false;
      await life.apply(container, { type: 'remove-failed', error: (error as Error).message });
      throw systemError(
        `unable to remove filesystem for ${container.id}: ${(error as Error).message}`,
        error,
      );
    }
    context.registry.delete(container);
    keepLinkedName(context, container);
    context.records.delete(container.id);
    context.states.delete(container.id);
    context.healths.delete(container.id);
    execs.forgetAll(container);
    context.emit(container, 'destroy');
    container.gone.abort();
    container.settle(true);
    await freeImage(context, container);
  });
}

/** Pauses between the tries of a removal that failed, in milliseconds: nobody else will ask for it. */
const AGAIN = [500, 5000, 60_000];

/**
 * Removes a container that goes by itself with its end, or whose removal an earlier daemon began. An error is logged, and it is
 * tried again some times, then by the next daemon.
 */
export function removeQuietly(
  context: Context,
  life: Life,
  execs: Execs,
  container: Container,
  failures = 0,
): void {
  const { state, record } = container;
  const options = {
    force: true,
    // As was asked for by the removal that is gone on with.
    volumes: !record.keepsVolumes,
    resumed: state.status === 'removing',
  };
  removeContainer(context, life, execs, container, options).catch((error) => {
    if (container.gone.signal.aborted) return;
    log.error(
      { container: container.id, err: error },
      'could not remove a container that was to go by itself',
    );
    const delay = AGAIN[failures];
    if (delay === undefined) return;
    setTimeout(() => {
      if (container.state.status === 'dead' && !container.gone.signal.aborted)
        removeQuietly(context, life, execs, container, failures + 1);
    }, delay).unref();
  });
}

/** An image that was deleted by force left its layers for the containers on it: with the last of them they go, too. */
export async function freeImage({ rooms }: Context, { id, record }: Container): Promise<void> {
  await rooms.images
    .collect(record.imageId)
    .catch((error: unknown) =>
      log.warn({ container: id, image: record.imageId, err: error }, 'the layers of its image stay for now'),
    );
}

async function removeOwned(context: Context, container: Container, volumes: boolean): Promise<void> {
  const { rooms } = context;
  if (!(await container.cleaning)) await rooms.runtime.removeCgroup(container.id);
  await Promise.all([
    rooms.layers.removeWritable(container.id),
    rooms.layers.discard(container.folder),
    rooms.networks.forget(container.id),
    rooms.logging.removed(container.id),
    clearRunFolder(context, container.id),
  ]);
  if (!volumes) return;
  for (const point of container.record.mounts) {
    if (!point.anonymous || !point.Name) continue;
    const { Name } = point;
    // Another container may use it too (--volumes-from); this one's record still refers to it.
    if (rooms.volumes.users(Name).some((user) => user !== container.id)) continue;
    point.Name = undefined;
    await rooms.volumes
      .remove(Name, { force: true })
      .catch((error) => log.warn({ volume: Name, err: error }, 'an anonymous volume stays'));
  }
}

/** Containers that are linked to one that is removed know it by its name from now on: a start tells it. */
function keepLinkedName(context: Context, { id, record: { name } }: Container): void {
  const isToIt = (link: string) => link.startsWith(`${id}:`);
  for (const container of context.registry.all()) {
    if (!container.record.hostConfig.Links?.some(isToIt)) continue;
    const rename = () => {
      const { record } = container;
      const { Links } = record.hostConfig;
      if (!Links?.some(isToIt)) return;
      const named = Links.map((link) => (isToIt(link) ? name + link.slice(id.length) : link));
      setRecord(context, container, { ...record, hostConfig: { ...record.hostConfig, Links: named } });
    };
    // With the removal, in one transaction; and after a change that is under way, which writes the settings that it began with.
    rename();
    void container.queue(async () => rename());
  }
}

/** `docker rm --link /parent/alias`: the container loses a link, and nothing else goes. */
export async function removeLink(context: Context, reference: string): Promise<void> {
  const name = reference.startsWith('/') ? reference.slice(1) : reference;
  const slash = name.indexOf('/');
  if (slash <= 0) {
    context.registry.lookup(reference);
    throw conflict('Conflict, cannot remove the default link name of the container');
  }
  const parent = context.registry.find(name.slice(0, slash));
  if (!parent) throw notFound(`No such container: ${name}`);
  const alias = name.slice(slash + 1);
  if (!parent.record.hostConfig.Links?.some((link) => linkParts(link).alias === alias))
    throw notFound(`No such container: ${name}`);
  await parent.queue(async () => {
    const { record } = parent;
    const left = (record.hostConfig.Links ?? []).filter((link) => linkParts(link).alias !== alias);
    setRecord(context, parent, {
      ...record,
      hostConfig: { ...record.hostConfig, Links: left.length > 0 ? left : null },
    });
  });
  await context.rooms.store.flushOrLater();
}
