import { conflict } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { applyChanges } from '../dockerfile/changes.ts';
import type { ImageRunConfig } from '../images/api.ts';
import type { Containers } from './api.ts';
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
  if (container.state.status === 'removing' || container.state.status === 'dead')
    throw conflict(
      `You cannot commit container ${container.id} which is ${container.state.status === 'dead' ? 'Dead' : 'being removed'}`,
    );
  // Wrong changes and names are told before anything is read.
  const base = options.config && Object.keys(options.config).length > 0 ? options.config : {};
  const changed = applyChanges(mergeCommit(base as ImageRunConfig, record.config), options.changes);

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
      ...(options.repository && {
        imageRef: `${options.repository}:${options.tag || 'latest'}`,
      }),
    });
    return id;
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

/** The settings of the container with those of the request over them. */
function mergeCommit(given: ImageRunConfig, own: Config): ImageRunConfig {
  const names = new Set((given.Env ?? []).map((entry) => entry.split('=', 1)[0]));
  const merged: ImageRunConfig = {
    User: given.User || own.User,
    Env: [...(given.Env ?? []), ...(own.Env ?? []).filter((entry) => !names.has(entry.split('=', 1)[0]))],
    Cmd: given.Cmd?.length ? given.Cmd : own.Cmd,
    Entrypoint: given.Entrypoint?.length ? given.Entrypoint : own.Entrypoint,
    WorkingDir: given.WorkingDir || own.WorkingDir,
    Labels: { ...own.Labels, ...given.Labels },
    OnBuild: given.OnBuild ?? own.OnBuild,
  };
  const ports = { ...own.ExposedPorts, ...given.ExposedPorts };
  if (Object.keys(ports).length > 0) merged.ExposedPorts = ports;
  const volumes = { ...own.Volumes, ...given.Volumes };
  if (Object.keys(volumes).length > 0) merged.Volumes = volumes;
  const signal = given.StopSignal || own.StopSignal;
  if (signal) merged.StopSignal = signal;
  const health = given.Healthcheck ?? own.Healthcheck;
  if (health) merged.Healthcheck = health;
  const shell = given.Shell ?? own.Shell;
  if (shell) merged.Shell = shell;
  return merged;
}
