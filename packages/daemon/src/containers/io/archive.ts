import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { BerthError, invalidParameter, systemError } from '../../base/errors.ts';
import { NEVER } from '../../base/time.ts';
import type { Archive } from '../../layers/api.ts';
import { clean } from '../create/mounts.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import { tellMounts, tellUnmounts } from '../model/mount-events.ts';
import { files } from '../query/inspect.ts';

type Binds = NonNullable<Parameters<Context['rooms']['layers']['archive']>[1]['binds']>;

/** A container's files: as its processes see them while it runs, else with its volumes and binds in place. */
function archiveOf(context: Context, container: Container): Archive {
  if (container.alive) return context.rooms.layers.archive(container.id, { pid: container.state.pid });
  const folder = firstFolder(container);
  return context.rooms.layers.archive(container.id, {
    ...(folder !== undefined && { folder }),
    binds: [...mounted(container), ...engineFiles(context, container)],
  });
}

/** The working directory of a container that never ran: its first start makes it; a look that comes before must find it, too. */
function firstFolder({ state, record }: Container): string | undefined {
  const { WorkingDir } = record.config;
  return state.startedAt === NEVER && /^\/./.test(WorkingDir) ? WorkingDir : undefined;
}

/** Before what a container changed is read: its working directory counts, though it never ran. */
export async function withWorkingDir(context: Context, container: Container): Promise<void> {
  const folder = firstFolder(container);
  if (folder !== undefined) await context.rooms.layers.archive(container.id, { folder }).stat('/');
}

/**
 * Makes the working directory that a create asks for.
 * @throws invalid-parameter where something else stands there.
 */
export async function makeWorkingDir(context: Context, container: Container): Promise<void> {
  const folder = firstFolder(container);
  if (folder === undefined) return;
  try {
    await context.rooms.layers.archive(container.id, { folder }).stat(`${folder}/`);
  } catch (error) {
    if (!(error instanceof BerthError) || !/not a directory|no such file/i.test(error.message)) throw error;
    throw invalidParameter(`Cannot mkdir: ${folder} is not a directory`, error);
  }
}

function mounted({ record }: Container): Binds {
  return record.mounts
    .filter(({ Type }) => Type !== 'tmpfs' && Type !== 'image')
    .map((point) => ({
      source: point.Source,
      ...(point.subpath && { subpath: point.subpath }),
      destination: point.Destination,
      readonly: !point.RW,
    }));
}

/** The files under /etc that the engine writes, once there has been a start. */
function engineFiles(context: Context, container: Container): Binds {
  const { mounts, hostConfig } = container.record;
  return Object.entries(files(context, container))
    .map(([name, source]) => ({ source, destination: `/etc/${name}`, readonly: hostConfig.ReadonlyRootfs }))
    .filter(
      ({ source, destination }) =>
        existsSync(source) && !mounts.some(({ Destination }) => Destination === destination),
    );
}

/** dockerd names the container as the caller did. */
async function told<T>(container: Container, reference: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    throw new BerthError(error.kind, error.message.replaceAll(container.id, reference), { cause: error });
  }
}

/** @throws invalid-parameter for a path that no file of a container can have */
export function checkPath(path: string): void {
  if (path === '') throw invalidParameter('bad parameter: pathcannot be empty');
  // No path of Linux has one, and what is passed to the helper would end there.
  if (path.includes('\0')) throw invalidParameter('bad parameter: path has a NUL character');
}

/** Copies in and out of a container, by the path inside. */
export const archives = {
  async stat(context: Context, container: Container, reference: string, path: string) {
    tellMounts(context, container);
    try {
      return await told(container, reference, archiveOf(context, container).stat(path));
    } finally {
      tellUnmounts(context, container);
    }
  },

  async get(context: Context, container: Container, reference: string, path: string) {
    tellMounts(context, container);
    try {
      const found = await told(container, reference, archiveOf(context, container).get(path));
      context.emit(container, 'archive-path');
      found.tar.once('close', () => tellUnmounts(context, container));
      return found;
    } catch (error) {
      tellUnmounts(context, container);
      throw error;
    }
  },

  /** @throws system for a place that is mounted read-only */
  async put(
    context: Context,
    container: Container,
    reference: string,
    path: string,
    tar: Readable,
    options: Parameters<Archive['put']>[2],
  ) {
    tellMounts(context, container);
    try {
      await this.extract(context, container, reference, path, tar, options);
      context.emit(container, 'extract-to-dir');
    } finally {
      tellUnmounts(context, container);
    }
  },

  async extract(
    context: Context,
    container: Container,
    reference: string,
    path: string,
    tar: Readable,
    options: Parameters<Archive['put']>[2],
  ) {
    const archive = archiveOf(context, container);
    const { mode, linkTarget } = await told(container, reference, archive.stat(path));
    if (!isFolder(mode) && !isLink(mode)) throw invalidParameter('extraction point is not a directory');
    // A link may lead out of a volume into a root that is read-only.
    checkWritable(container, isLink(mode) ? linkTarget : path);
    await told(container, reference, archive.put(path, tar, options)).catch(noSuchUser);
  },

  async export(context: Context, container: Container) {
    await withWorkingDir(context, container);
    const tar = await archiveOf(context, container).export();
    context.emit(container, 'export');
    return tar;
  },
};

/** A user of the container that its files do not know is the request's fault. */
function noSuchUser(error: unknown): never {
  throw error instanceof BerthError && error.code === 'user' ? invalidParameter(error.message, error) : error;
}

/** @throws invalid-parameter for a user (`user[:group]`) whom the files of a running container do not know. */
export async function checkUser(context: Context, container: Container, user: string): Promise<void> {
  await archiveOf(context, container).user(user).catch(noSuchUser);
}

/** Go's os.ModeDir and os.ModeSymlink. */
const isFolder = (mode: number) => (mode & 0x80000000) !== 0;
const isLink = (mode: number) => (mode & 0x08000000) !== 0;

function checkWritable(container: Container, path: string): void {
  const target = clean(`/${path}`);
  const { mounts, hostConfig } = container.record;
  const under = mounts
    .filter(({ Destination }) => target === Destination || target.startsWith(`${Destination}/`))
    .sort((a, b) => b.Destination.length - a.Destination.length)[0];
  if (under) {
    if (!under.RW) throw systemError('mounted volume is marked read-only');
  } else if (hostConfig.ReadonlyRootfs) throw systemError('container rootfs is marked read-only');
}
