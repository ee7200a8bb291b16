import { readFile } from 'node:fs/promises';
import { logRecord } from '@berth/native';
import { log } from '../../base/log.ts';
import { bindWords } from '../../runtime/index.ts';
import { withProtocol } from '../create/config.ts';
import { clean } from '../create/mounts.ts';
import type { Update } from '../model/changes.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import type { Interrupted } from '../model/types.ts';
import { passControls } from './connect.ts';
import { resourcesOf } from './limits.ts';
import { bindRequest } from './mount-requests.ts';
import { networkRequest } from './request.ts';
import { logSubject } from './start.ts';

/** The ways back from the steps of a change, for one that fails half-way. */
export class Undo {
  readonly #steps: Array<() => unknown> = [];

  /** Notes how a step is taken back: one that was done, or one that may be half done when it fails. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Takes all steps back, the last first. Returns the reasons of those that stay; they do not hold up the others. */
  async all(): Promise<string[]> {
    const failures: string[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop())
      try {
        await step();
      } catch (error) {
        failures.push((error as Error).message);
      }
    return failures;
  }
}

/** Records that a running container is about to be updated, before the kernel is changed: commits are made at the end of a tick. */
export async function intend(
  context: Context,
  container: Container,
  { PortBindings, Mounts, RemovedMounts }: Update = {},
): Promise<void> {
  if (!container.alive) return;
  const { record } = container;
  const { config, hostConfig, mounts, nextMounts, pod } = record;
  const ports = Object.keys(PortBindings ?? {}).map(withProtocol);
  const places = [...(Mounts ?? []).map(({ Target }) => Target ?? ''), ...(RemovedMounts ?? [])];
  setRecord(context, container, {
    ...record,
    updating: {
      before: { config, hostConfig, mounts, ...(nextMounts && { nextMounts }), ...(pod && { pod }) },
      ports,
      closing: context.rooms.networks.closing(container.id, ports),
      places: places.map(clean),
    },
  });
  await committed();
}

/** Resolves when what was recorded in this tick cannot be lost by a kill. */
export const committed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The settings that a container had before an update that an earlier daemon did not finish, in its record. */
export function recallSettings(context: Context, container: Container): void {
  const { record } = container;
  if (!record.updating) return;
  const { nextMounts: _, ...rest } = record;
  setRecord(context, container, { ...rest, ...record.updating.before });
}

/** Gives a running container in the kernel what `recallSettings` has recalled. A step that fails is told in the log. */
export async function finishRecall(context: Context, container: Container): Promise<void> {
  const { updating, ...record } = container.record;
  if (!updating) return;
  const steps = container.alive
    ? [
        () => recallLimits(context, container),
        () => recallPorts(context, container, updating),
        ...updating.places.map((place) => () => recallMount(container, place)),
        () => recallLog(context, container),
      ]
    : [];
  for (const step of steps)
    await step().catch((error: unknown) =>
      log.error(
        { container: container.id, err: error },
        'an update that was interrupted is not taken back wholly',
      ),
    );
  setRecord(context, container, record);
}

async function recallLimits({ rooms }: Context, { id, record }: Container): Promise<void> {
  const { hostConfig, pod } = record;
  await rooms.runtime.update(id, {
    ...resourcesOf(hostConfig),
    ...(pod && { Unified: pod.unified, HugepageLimits: pod.hugepages }),
  });
}

async function recallPorts(
  context: Context,
  container: Container,
  { ports, closing }: Interrupted,
): Promise<void> {
  if (ports.length === 0) return;
  // Some of them no record names any more.
  for (const record of closing) await container.supervisor!.control(record);
  await context.rooms.networks.publish(networkRequest(container), ports);
  await passControls(context, container);
}

async function recallMount({ supervisor, record, state }: Container, place: string): Promise<void> {
  const table = await readFile(`/proc/${state.pid}/mountinfo`, 'utf8');
  const is = table.split('\n').some((line) => line.split(' ')[4] === place.replaceAll(' ', '\\040'));
  if (is) await supervisor!.control(['mount-remove', place]);
  const point = record.nextMounts
    ? undefined
    : record.mounts.find(({ Destination }) => Destination === place);
  if (point) await supervisor!.control(['mount-add', ...bindWords(bindRequest(point))]);
}

async function recallLog(context: Context, container: Container): Promise<void> {
  const { LogConfig } = container.record.hostConfig;
  if (container.record.pod?.log) return;
  const begun = await context.rooms.logging.begin(LogConfig, logSubject(container), container.folder);
  await container.supervisor!.control(logRecord(begun));
}
