import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import {
  absolute,
  type CopyEnd,
  keepEnd,
  planCopy,
  rebaseName,
  renamed,
  splitEnd,
  splitTarget,
} from '../../archive/paths.ts';
import { CliError, messageOf } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { command, exactly } from '../../cli/command.ts';
import { humanSize } from '../../format/sizes.ts';
import { cancellable } from '../../shared/pull.ts';
import { type Api, ApiError } from '../../transport/api.ts';

/** A path's status as the daemon reports it; the mode is in Go's bits. */
interface PathStat {
  name: string;
  size: number;
  mode: number;
  linkTarget?: string;
}

const goFolder = 2 ** 31;
const goSymlink = 2 ** 27;
const goDevice = 2 ** 26;
const goIrregular = 2 ** 19;
const hasBit = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

const decodeStat = (header: string | undefined): PathStat =>
  JSON.parse(Buffer.from(header ?? '', 'base64').toString() || '{"mode":0}') as PathStat;

async function pathStat(api: Api, container: string, path: string): Promise<PathStat> {
  const answer = await api.call<'ContainerArchiveInfo'>('HEAD', `/containers/${container}/archive`, {
    query: { path },
  });
  await answer.body.text();
  return decodeStat(answer.headers['x-docker-container-path-stat']);
}

const noSuchFile = (path: string): CliError => new CliError(`lstat ${path}: no such file or directory`);

/** A path of this machine as the source of a copy. */
function localSource(path: string, followLink: boolean): CopyEnd {
  try {
    // A slash at the end is a link followed, as in the C library.
    if (followLink || path.endsWith('/')) {
      const resolved = rebaseName(path, realpathSync(path));
      return { ...resolved, exists: true, isFolder: statSync(path).isDirectory() };
    }
    const [folder, base] = splitEnd(path);
    const real = join(realpathSync(folder), base === '.' ? '' : base);
    const full = keepEnd(real, path);
    return { path: full, exists: true, isFolder: lstatSync(full).isDirectory() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noSuchFile(path);
    throw new CliError(messageOf(error));
  }
}

/** A path of this machine as the target of a copy; links are followed to where they lead. */
function localTarget(path: string): CopyEnd {
  let target = path;
  for (let depth = 0; depth < 10; depth++) {
    const status = lstatSync(target, { throwIfNoEntry: false });
    if (!status) {
      const [folder] = splitEnd(target);
      const parent = statSync(folder, { throwIfNoEntry: false });
      if (!parent)
        throw new CliError(`invalid output path: directory ${JSON.stringify(folder)} does not exist`);
      return { path: target, exists: false, isFolder: false };
    }
    if (!status.isSymbolicLink()) {
      if (status.isCharacterDevice() || status.isBlockDevice())
        throw new CliError(
          `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
        );
      return { path: target, exists: true, isFolder: status.isDirectory() };
    }
    // Its target need not exist yet.
    target = keepEnd(resolve(dirname(target), readlinkSync(target)), path);
  }
  throw new CliError(`stat ${path}: too many levels of symbolic links`);
}

interface Settings {
  followLink: boolean;
  archive: boolean;
  quiet: boolean;
}

async function fromContainer(
  cli: Cli,
  container: string,
  path: string,
  to: string,
  settings: Settings,
): Promise<void> {
  const api = await cli.api();
  const target = to === '-' ? undefined : localTarget(absolute(to));
  let source = path;
  let rebase: string | undefined;
  if (settings.followLink) {
    const stat = await pathStat(api, container, source).catch(() => undefined);
    if (stat && hasBit(stat.mode, goSymlink) && stat.linkTarget) {
      const link = isAbsolute(stat.linkTarget) ? stat.linkTarget : join(dirname(source), stat.linkTarget);
      ({ path: source, rebase } = rebaseName(source, link));
    }
  }
  await cancellable(async (signal) => {
    const answer = await api.call<'ContainerArchive'>('GET', `/containers/${container}/archive`, {
      query: { path: source },
      signal,
    });
    if (!target) {
      for await (const chunk of answer.body) await cli.out.writeAll(chunk);
      return;
    }
    const stat = decodeStat(answer.headers['x-docker-container-path-stat']);
    const isFolder = hasBit(stat.mode, goFolder);
    // The archive calls the entries what the path's end is called; a followed link gets its name back.
    const [, base] = splitEnd(source);
    const plan = planCopy({ path: source, exists: true, isFolder, rebase }, target);
    const { unpack } = await import('../../archive/unpack.ts');
    let bytes = 0;
    const counted = (async function* () {
      for await (const chunk of answer.body) {
        bytes += chunk.length;
        yield chunk;
      }
    })();
    await unpack(counted, plan.folder, (name) => renamed(renamed(name, base, rebase), plan.from, plan.to));
    if (!settings.quiet) cli.warn(`Successfully copied ${humanSize(bytes, 3)} to ${absolute(to)}\n`);
  });
}

/** The target of a copy into a container: a link there is followed once. */
async function remoteTarget(api: Api, container: string, path: string): Promise<CopyEnd> {
  let target = path;
  let stat: PathStat;
  try {
    stat = await pathStat(api, container, target);
    if (hasBit(stat.mode, goSymlink) && stat.linkTarget) {
      target = isAbsolute(stat.linkTarget) ? stat.linkTarget : join(dirname(target), stat.linkTarget);
      stat = await pathStat(api, container, target);
    }
  } catch (error) {
    // It may be about to be made; the daemon has the last word.
    if (!(error instanceof ApiError)) throw error;
    return { path: target, exists: false, isFolder: false };
  }
  const kind = hasBit(stat.mode, goDevice)
    ? 'a device'
    : hasBit(stat.mode, goIrregular)
      ? 'an irregular file'
      : '';
  if (kind)
    throw new CliError(
      `destination "${container}:${path}" must be a directory or a regular file: got ${kind}`,
    );
  return { path: target, exists: true, isFolder: hasBit(stat.mode, goFolder) };
}

async function intoContainer(
  cli: Cli,
  from: string,
  container: string,
  path: string,
  settings: Settings,
): Promise<void> {
  const api = await cli.api();
  const target = await remoteTarget(api, container, path);
  let body: AsyncIterable<Buffer>;
  let folder = target.path;
  let bytes = 0;
  if (from === '-') {
    if (!target.isFolder) throw new CliError(`destination "${container}:${path}" must be a directory`);
    body = process.stdin;
  } else {
    const source = localSource(absolute(from), settings.followLink);
    const plan = planCopy(source, target);
    const [parent, base] = splitEnd(source.path);
    const name = source.rebase ?? base;
    const { packPath } = await import('../../archive/pack.ts');
    folder = plan.folder;
    body = packPath(parent, base, renamed(name, plan.from, plan.to), (count) => {
      bytes += count;
    });
  }
  await cancellable((signal) =>
    api.done<'PutContainerArchive'>('PUT', `/containers/${container}/archive`, {
      query: {
        path: folder,
        noOverwriteDirNonDir: true,
        copyUIDGID: settings.archive || undefined,
      },
      headers: { 'Content-Type': 'application/x-tar' },
      body,
      signal,
    }),
  );
  if (!settings.quiet && from !== '-')
    cli.warn(`Successfully copied ${humanSize(bytes, 3)} to ${container}:${target.path}\n`);
}

export default command({
  use: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  about: 'Copy files between a container and this machine',
  more: "Use '-' as the source to read a tar archive from standard input and unpack it in a folder of the container.\nUse '-' as the destination to write a tar archive of what is in the container to standard output.",
  aliases: ['berth container cp', 'berth cp'],
  args: exactly(2),
  flags: {
    archive: bool('a', 'Keep owners and groups'),
    'follow-link': bool('L', 'Follow a link at the source'),
    quiet: bool('q', 'Do not tell what was copied; so it is when the output is no terminal'),
  },
  async run({ cli, flags, given, args }) {
    const [from, to] = args as [string, string];
    if (!from) throw new CliError('source can not be empty');
    if (!to) throw new CliError('destination can not be empty');
    const [sourceContainer, sourcePath] = splitTarget(from);
    const [targetContainer, targetPath] = splitTarget(to);
    const settings: Settings = {
      followLink: flags['follow-link'],
      archive: flags.archive,
      quiet: given.has('quiet') ? flags.quiet : !cli.stdoutIsTerminal,
    };
    if (sourceContainer && targetContainer) throw new CliError('copying between containers is not supported');
    if (sourceContainer) return fromContainer(cli, sourceContainer, sourcePath, targetPath, settings);
    if (targetContainer) return intoContainer(cli, sourcePath, targetContainer, targetPath, settings);
    throw new CliError('must specify at least one container source');
  },
});
