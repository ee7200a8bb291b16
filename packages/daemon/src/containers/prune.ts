import { invalidParameter } from '../base/errors.ts';
import { checkFilters } from '../base/filters.ts';
import { log } from '../base/log.ts';
import { parseRfc3339, parseTimeFilter } from '../base/time.ts';
import { hasLabel } from '../volumes/checks.ts';
import type { Execs } from './io/exec.ts';
import type { Life } from './lifecycle/life.ts';
import { removeContainer } from './lifecycle/remove.ts';
import type { Context } from './model/context.ts';

/** Removes the containers that do not run and match the filters. @throws invalid-parameter for filters that it does not know. */
export async function pruneContainers(
  context: Context,
  life: Life,
  execs: Execs,
  filters: Record<string, string[]>,
) {
  checkFilters(filters, ['label', 'label!', 'until']);
  const until = filters['until'] ?? [];
  if (until.length > 1) throw invalidParameter('more than one until filter specified');
  const limit = until[0] === undefined ? undefined : parseTimeFilter(until[0]);
  if (until[0] !== undefined && limit === undefined)
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(until[0])}`);
  const deleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const container of [...context.registry.all()]) {
    const { record, state } = container;
    if (container.alive || state.status === 'restarting' || container.starting) continue;
    if (limit !== undefined && (parseRfc3339(record.created) ?? 0n) > limit) continue;
    const labels = record.config.Labels;
    if (!(filters['label'] ?? []).every((label) => hasLabel(labels, label))) continue;
    if ((filters['label!'] ?? []).some((label) => hasLabel(labels, label))) continue;
    const { rw } = await context.rooms.layers.writableSize(container.id).catch(() => ({ rw: 0 }));
    try {
      await removeContainer(context, life, execs, container, {
        force: false,
        volumes: false,
      });
    } catch (error) {
      log.warn({ container: record.id, err: error }, 'prune could not remove a container');
      continue;
    }
    deleted.push(record.id);
    SpaceReclaimed += rw;
  }
  context.rooms.events.emit('container', 'prune', '', { reclaimed: String(SpaceReclaimed) });
  return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed };
}
