import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import {
  BerthError,
  conflict,
  invalidParameter,
  notFound,
  systemError,
  unsupported,
} from '../base/errors.ts';
import { deviceRuntime, requestedDevices } from './lifecycle/devices.ts';
import type { Life } from './lifecycle/life.ts';
import { runFolder } from './lifecycle/start.ts';
import type { Container } from './model/container.ts';
import type { Context } from './model/context.ts';

/*
 * Checkpoints: the processes of a container as files, made and restored by CRIU (https://criu.org) through an OCI runtime that
 * can call it. They are in `checkpoints/NAME` of the container's folder, or in a folder that the client names.
 */

export interface CheckpointOptions {
  id: string;
  /** The container ends with it. */
  exit: boolean;
  /** An absolute path of the host; '': the container's own folder. */
  folder: string;
}

const run = promisify(execFile);

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** A dump of much memory takes its time; one that hangs must not hold the container for ever. */
const TIMEOUT = 10 * 60_000; // milliseconds
/** A checkpoint that is being made; no finished one has such a name. */
const UNFINISHED = '.unfinished-';

/**
 * Writes a running container's processes to files.
 * @throws invalid-parameter, conflict for a name that is taken or a container that does not run, unsupported where its runtime or
 *   the machine can't do it, system with CRIU's words
 */
export async function createCheckpoint(
  context: Context,
  life: Life,
  container: Container,
  { id, exit, folder: given }: CheckpointOptions,
): Promise<void> {
  const { name } = container.record;
  if (!container.alive) throw conflict(`container ${container.id} is not running`);
  checkName(id);
  const folder = folderOf(container, given);
  await container.queue(async () => {
    if (container.state.status !== 'running') throw conflict(`container ${container.id} is not running`);
    const { path, args } = await runtimeOf(context, container, `Cannot checkpoint container ${name}`);
    const place = join(folder, id);
    if (await lstat(place).catch(() => undefined))
      throw conflict(
        `cannot checkpoint container ${name}: checkpoint with name ${id} already exists for container ${name}`,
      );
    const unfinished = join(folder, UNFINISHED + id);
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const bundle = runFolder(context, container.id);
    if (exit) await life.apply(container, { type: 'checkpoint', failed: false });
    try {
      await run(
        path,
        [
          ...[...args, '--root', join(bundle, 'state'), 'checkpoint'],
          ...['--image-path', unfinished, '--work-path', unfinished],
          ...(exit ? [] : ['--leave-running']),
          container.id,
        ],
        { cwd: bundle, timeout: TIMEOUT, killSignal: 'SIGKILL', maxBuffer: 1 << 20 },
      );
      await rename(unfinished, place);
    } catch (error) {
      const why = await reasonOf(error as Error & { stderr?: string }, join(unfinished, 'dump.log'));
      if (exit) await life.apply(container, { type: 'checkpoint', failed: true });
      await rm(unfinished, { recursive: true, force: true });
      throw systemError(`Cannot checkpoint container ${name}: ${why}`, error);
    }
  });
  context.emit(container, 'checkpoint');
}

/** The checkpoints of a container, by their names. @throws system when their folder can't be read */
export async function listCheckpoints(container: Container, given: string): Promise<Array<{ Name: string }>> {
  const entries = await readdir(folderOf(container, given), { withFileTypes: true }).catch((error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw systemError(`the checkpoints can't be read: ${(error as Error).message}`, error);
  });
  return entries
    .filter((entry) => entry.isDirectory() && NAME.test(entry.name))
    .map(({ name }) => ({ Name: name }))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** @throws invalid-parameter, not-found */
export async function removeCheckpoint(container: Container, id: string, given: string): Promise<void> {
  checkName(id);
  const place = await checkpointFolder(container, id, given, container.record.name);
  await rm(place, { recursive: true, force: true });
}

/**
 * Prepares a start that restores a checkpoint.
 * @throws not-found; unsupported where the container's runtime or the machine can't restore
 */
export async function restorable(
  context: Context,
  container: Container,
  id: string,
  given: string,
): Promise<string> {
  checkName(id);
  const place = await checkpointFolder(container, id, given, `/${container.record.name}`);
  await runtimeOf(context, container, `Cannot restore container ${container.record.name}`);
  return place;
}

function checkName(id: string): void {
  if (!NAME.test(id))
    throw invalidParameter(`Invalid checkpoint ID (${id}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

function folderOf(container: Container, given: string): string {
  if (given !== '' && !isAbsolute(given))
    throw invalidParameter(
      `the folder of checkpoints must be an absolute path, not ${JSON.stringify(given)}`,
    );
  return given || join(container.folder, 'checkpoints');
}

async function checkpointFolder(
  container: Container,
  id: string,
  given: string,
  shown: string,
): Promise<string> {
  const place = join(folderOf(container, given), id);
  const stats = await lstat(place).catch(() => undefined);
  if (!stats) throw notFound(`checkpoint ${id} does not exist for container ${shown}`);
  if (!stats.isDirectory()) throw conflict(`${id} exists and is not a directory`);
  return place;
}

/** The program that checkpoints and restores a container. @throws unsupported naming what is missing */
async function runtimeOf({ rooms }: Context, container: Container, failed: string) {
  const { Runtime, DeviceRequests } = container.record.hostConfig;
  const devices = await requestedDevices(rooms.runtime, DeviceRequests ?? []);
  const { program } = await deviceRuntime(rooms.runtime, Runtime, devices);
  if (!program)
    throw unsupported(
      `${failed}: it runs under Berth's own runtime, which can't do it; create it with a runtime that calls CRIU (berthd --add-runtime oci=/usr/sbin/runc, then --runtime oci)`,
    );
  if (!hasCriu())
    throw unsupported(`${failed}: CRIU is not installed: install it (Debian: apt install criu)`);
  return program;
}

/** The folders in which runtimes look for CRIU (the environment of native/c/container/runtime/call.c). */
const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const hasCriu = (): boolean =>
  PLACES.some((place) => {
    try {
      accessSync(join(place, 'criu'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** The words of a runtime and the errors in CRIU's own log. */
async function reasonOf(error: Error & { stderr?: string }, logFile: string): Promise<string> {
  if (error instanceof BerthError) return error.message;
  const said = error.stderr?.trim().split('\n').at(-1) || error.message;
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const errors = log
    .split('\n')
    .flatMap((line) => /\bError \([^)]*\): (.*)$/.exec(line)?.[1] ?? [])
    .slice(0, 3);
  return [said, ...errors].join('; ');
}
