import { conflict } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { applyChanges } from '../dockerfile/changes.ts';
import type { ImageRunConfig } from '../images/api.ts';
import type { Containers } from './api.ts';
import { mergeEnv, mergeHealth, words } from './create/config.ts';
import { withWorkingDir } from './io/archive.ts';
import type { Life } from './lifecycle/life.ts';
import type { Container } from './model/container.ts';
import type { Context } from './model/context.ts';
import type { Config } from './model/types.ts';

type CommitOptions = Parameters<Containers['commit']>[1];

/** Makes an image of a container's files and settings; returns its id. @throws conflict while it is being removed */
export async function commitContainer(
  context: Context,
  life: Life,
  container: Container,
  options: CommitOptions,
): Promise<string> {
  const { layers, images } = context.rooms;
  const { record } = container;
  refuseRemoved(container);
  // Wrong changes and names are told before anything is read.
  const changed = await commitConfig(options.config, options.changes, record.config);

  const paused = options.pause && (await pauseForCommit(life, container));
  try {
    await withWorkingDir(context, container);
    const layer = await layers.add(await layers.diffTar(container.id));
    const parent = images.get(record.imageId);
    const id = await images.create({
      ...(parent && { parent: parent.id }),
      config: changed,
      layer: { diffId: layer.diffId, size: layer.size },
      history: {
        created_by: (record.config.Cmd ?? []).join(' '),
        ...(options.comment && { comment: options.comment }),
        ...(options.author && { author: options.author }),
      },
      ...(parent && { architecture: parent.config.architecture, os: parent.config.os }),
      ...(parent?.config.variant && { variant: parent.config.variant }),
      ...(options.repository && {
        reference: options.tag ? `${options.repository}:${options.tag}` : options.repository,
      }),
    });
    context.emit(container, 'commit', {
      comment: options.comment ?? '',
      imageID: id,
      imageRef: options.repository ? `${options.repository}:${options.tag || 'latest'}` : '',
    });
    return id;
  } catch (error) {
    // Its files went while they were read.
    refuseRemoved(container);
    throw error;
  } finally {
    // Its end may have come while it was frozen.
    if (paused)
      await container.queue(async () => {
        const { status, freezer } = container.state;
        // A user may have frozen it meanwhile.
        if (status === 'paused' && freezer === 'commit') await life.apply(container, { type: 'unpause' });
      });
  }
}

/** @throws conflict for a container that is being removed, or is gone by now */
function refuseRemoved({ id, state, gone }: Container): void {
  if (state.status !== 'removing' && state.status !== 'dead' && !gone.signal.aborted) return;
  throw conflict(
    `You cannot commit container ${id} which is ${state.status === 'dead' ? 'Dead' : 'being removed'}`,
  );
}

/**
 * Freezes a running container while its files are read; returns whether it did. One that ends meanwhile has no use of it
 * any more: its files are at rest.
 */
async function pauseForCommit(life: Life, container: Container): Promise<boolean> {
  return container.queue(async () => {
    if (container.state.status !== 'running') return false;
    try {
      await life.apply(container, { type: 'pause', by: 'commit' });
      return true;
    } catch (error) {
      // dockerd commits all the same; a process that goes on writing makes the image of a moment.
      log.debug({ container: container.id, err: error }, 'a container could not be paused for its commit');
      return false;
    }
  });
}

/** Members of a Config; a body with none of them names no configuration. */
const MEMBERS = new Set(
  `Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd
   Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels StopSignal
   StopTimeout Shell`.split(/\s+/),
);

const filled = (object: object | null | undefined) => object && Object.keys(object).length > 0;

/**
 * The configuration of a commit, by dockerd's rules: that of the request, or the container's where it names none, with
 * the changes made to it; then what it leaves empty comes from the container.
 * @throws invalid-parameter for a change that cannot be.
 */
export async function commitConfig(
  body: Record<string, unknown> | undefined,
  changes: readonly string[],
  own: Config,
): Promise<ImageRunConfig> {
  const isGiven = Object.keys(body ?? {}).some((key) => MEMBERS.has(key));
  const given = await applyChanges(isGiven ? withLists(body!) : (own as ImageRunConfig), changes);
  const merged: ImageRunConfig = {
    ...given,
    User: given.User || own.User,
    Env: mergeEnv(given.Env ?? [], own.Env ?? []),
    WorkingDir: given.WorkingDir || own.WorkingDir,
    Labels: { ...own.Labels, ...given.Labels },
  };
  const ports = { ...own.ExposedPorts, ...given.ExposedPorts };
  if (filled(ports)) merged.ExposedPorts = ports;
  const volumes = { ...own.Volumes, ...given.Volumes };
  if (filled(volumes)) merged.Volumes = volumes;
  if (!given.Entrypoint?.length) {
    if (!given.Cmd?.length) merged.Cmd = own.Cmd;
    merged.Entrypoint = given.Entrypoint ?? own.Entrypoint;
  }
  const health = own.Healthcheck ? mergeHealth(given.Healthcheck, own.Healthcheck) : given.Healthcheck;
  if (health) merged.Healthcheck = health;
  const signal = given.StopSignal || own.StopSignal;
  if (signal) merged.StopSignal = signal;
  return merged;
}

/** A Cmd or Entrypoint of one string is a list of one. */
function withLists(body: Record<string, unknown>): ImageRunConfig {
  const known = Object.fromEntries(
    Object.entries(body).filter(([key, value]) => MEMBERS.has(key) && value !== null),
  );
  for (const key of ['Cmd', 'Entrypoint']) {
    const list = words(known[key]);
    if (list) known[key] = list;
  }
  return known as ImageRunConfig;
}
