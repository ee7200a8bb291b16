import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidParameter, notFound, systemError } from '../../base/errors.ts';
import type { RuntimeRequest } from '../../runtime/index.ts';
import { isRemapped } from '../create/hostconfig-checks.ts';
import { checkPropagation } from '../create/propagation.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';

/**
 * Makes the sources of a container's mounts ready: missing folders of binds are made, volumes mounted, subpaths looked at.
 * @throws invalid-parameter, not-found for a source that is not there or not within its volume; system
 */
export async function prepareMounts(context: Context, container: Container): Promise<void> {
  for (const point of container.record.mounts) {
    if (point.Type === 'bind') {
      await ensureSource(point.Source, point.createSource === true);
      await checkPropagation(point, context.rooms.settings.dataRoot);
    }
    if (point.Type !== 'volume' || !point.Name) continue;
    await context.rooms.volumes.mount(point.Name, container.id);
    if (point.subpath) await checkSubpath(point.Source, point.subpath);
  }
}

/** The files of its secrets and configs, as mounts. */
export async function placeSecrets(
  { rooms }: Context,
  { id, record }: Container,
): Promise<RuntimeRequest['mounts']> {
  const { hostConfig: host, mounts } = record;
  if (!host.Secrets && !host.Configs) return [];
  const maps = rooms.runtime.idMaps(isRemapped(host, rooms.settings));
  const taken = [...mounts.map(({ Destination }) => Destination), ...Object.keys(host.Tmpfs ?? {})];
  const placed = await rooms.secrets.place(id, host, taken, maps);
  return placed.map((mount) => ({
    ...mount,
    type: 'bind',
    readonly: true,
    options: ['bind', 'nosuid', 'nodev', 'noexec'],
  }));
}

async function ensureSource(source: string, create: boolean): Promise<void> {
  try {
    await stat(source);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return; // the mount tells what is wrong
    if (!create)
      throw invalidParameter(
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      );
    const made = await mkdir(source, { recursive: true, mode: 0o755 }).catch((cause) => {
      throw systemError(
        `error while creating mount source path '${source}': ${(cause as Error).message}`,
        cause,
      );
    });
    if (made) await openToAll(made, source);
  }
}

/** The daemon's umask must not decide what containers may see of folders made for them. */
async function openToAll(first: string, last: string): Promise<void> {
  for (let path = last; path.length >= first.length; path = join(path, '..')) await chmod(path, 0o755);
}

/** A subpath must be there and, links followed, stay within the volume. */
async function checkSubpath(volume: string, subpath: string): Promise<void> {
  const path = join(volume, subpath);
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined)
    throw notFound(`cannot access path ${path}: lstat ${path}: no such file or directory`);
  const root = await realpath(volume);
  if (real !== root && !real.startsWith(`${root}/`))
    throw invalidParameter(
      `path concatenation escapes the base directory, base: ${volume}, subpath: ${subpath}`,
    );
}
