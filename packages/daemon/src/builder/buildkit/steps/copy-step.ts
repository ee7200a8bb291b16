import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { BerthError } from '../../../base/errors.ts';
import { parseError } from '../../../dockerfile/errors.ts';
import { heredocOpener, heredocText } from '../../../dockerfile/heredocs.ts';
import { ignoreFilter } from '../../../dockerfile/ignore.ts';
import { locate } from '../../../dockerfile/location.ts';
import type { Instruction } from '../../../dockerfile/types.ts';
import { expandDocument, expandWord, type Lookup } from '../../../dockerfile/words.ts';
import { addSources, FetchFailed } from '../../add.ts';
import { checkFolderOfWildcards, findSources, readFrom, type Source, withoutExcluded } from '../../copy.ts';
import { isGit } from '../../git.ts';
import { resolveOwner } from '../../owner.ts';
import type { Tree } from '../../tree/tree.ts';
import { isTrue } from '../attributes.ts';
import { epochOf, historyEntry } from '../instructions.ts';
import { parentSources, readParents } from '../parents.ts';
import { rememberTaken } from '../session/remembered.ts';
import { type CopySources, foundSources } from '../solver/copy.ts';
import { missingSource } from './missing.ts';
import { type Build, type Step, snapshotOf, stepUses } from './step.ts';

/** A COPY or ADD with its variables expanded. */
interface Wanted {
  flags: Record<string, string>;
  words: string[];
  /** The sources that are paths or URLs. */
  patterns: string[];
  /** Absolute; a trailing slash means a folder. */
  target: string;
  /** `--parents` */
  parents: boolean;
  /** The patterns of `--exclude`. */
  exclude: string[];
  /** True for what `--exclude` leaves out. */
  ignored: (path: string) => boolean;
}

/** COPY and ADD. */
export async function copyStep(build: Build, step: Step): Promise<void> {
  const { options } = build;
  const { instruction, stage, state, title } = step;
  const { name } = instruction;
  const wanted = parseCopy(build, step);
  const vertex = options.progress.vertex(title);
  const uses = stepUses(options, stage);
  const { sources, keepOwners } = await sourcesOf(build, step, wanted, uses.cache).catch((error: Error) => {
    const { message, failure } = copyFailure(error, title);
    vertex.start().done({ error: message });
    throw failure;
  });
  // A mode that is no octal number is ignored, as BuildKit 0.13 does.
  const given = wanted.flags['chmod'] ?? '';
  const chmod = /^[0-7]+$/.test(given) ? Number.parseInt(given, 8) & 0o7777 : undefined;
  const owner = wanted.flags['chown'] ?? '';
  state.snapshot = await options.solver.copy(state.snapshot, {
    sources,
    target: wanted.target,
    ...(chmod === undefined ? {} : { mode: chmod }),
    owner: owner === '' ? undefined : (archive) => resolveOwner(archive, owner, 'root'),
    ownerKey: owner,
    keepOwners: keepOwners && owner === '',
    time: epochOf(options.attributes),
    vertex,
    ...uses,
  });
  state.history.push(
    historyEntry(
      `${name} ${flagText(wanted, instruction)}${wanted.words.join(' ')} # buildkit`,
      state.snapshot,
    ),
  );
}

/** The flags that the image's history has of a COPY or ADD, in BuildKit's order, with values. */
function flagText({ flags, parents }: Wanted, instruction: Instruction): string {
  const excluded = instruction.flags.filter(({ name }) => name === 'exclude');
  return [
    ...(parents ? ['--parents'] : []),
    ...(flags['chown'] ? [`--chown=${flags['chown']}`] : []),
    ...(flags['chmod'] ? [`--chmod=${flags['chmod']}`] : []),
    ...excluded.map(({ value }) => `--exclude=${value}`),
  ]
    .map((flag) => `${flag} `)
    .join('');
}

/** @throws invalid-parameter for flags that it does not know, and where several sources go to what is no folder. */
function parseCopy({ dockerfile }: Build, { instruction, state, lookup }: Step): Wanted {
  const { name } = instruction;
  const flags: Record<string, string> = {};
  const exclude: string[] = [];
  for (const flag of instruction.flags) {
    const known = [
      'chown',
      'chmod',
      'link',
      'parents',
      'exclude',
      ...(name === 'COPY' ? ['from'] : ['checksum', 'keep-git-dir', 'unpack']),
    ];
    if (!known.includes(flag.name)) throw parseError(instruction.line, `unknown flag: --${flag.name}`);
    if (flag.name === 'exclude') exclude.push(expandWord(flag.value, lookup));
    else if (flag.name === 'from') flags['from'] = flag.value;
    else flags[flag.name] = flag.bare ? 'true' : expandWord(flag.value, lookup);
  }
  const words = instruction.args.map((word) =>
    heredocOpener(word) ? word : expandWord(word, lookup, dockerfile.escape),
  );
  const destination = words.at(-1)!;
  const patterns = words.slice(0, -1).filter((word) => !heredocOpener(word));
  return {
    flags,
    words,
    patterns,
    target:
      posix.resolve('/', state.config.WorkingDir || '/', destination) +
      (destination.endsWith('/') || destination === '.' ? '/' : ''),
    parents: isTrue(flags['parents']),
    exclude,
    ignored: ignoreFilter(exclude.join('\n')),
  };
}

/**
 * The sources of the step. What it took of a context that is the same is known, and then nothing is looked for before the
 * step has to be done; a step that may not come from the cache is done.
 */
async function sourcesOf(
  build: Build,
  step: Step,
  wanted: Wanted,
  cache: boolean,
): Promise<{ sources: CopySources; keepOwners: boolean }> {
  const find = async () => {
    const { sources, keepOwners } = await gather(build, step, wanted);
    const kept = wanted.exclude.length > 0 ? withoutExcluded(sources, wanted.ignored) : sources;
    return { sources: await foundSources(kept), keepOwners };
  };
  const asked = cache ? askedOfContext(step.instruction, wanted) : undefined;
  const taken = asked === undefined ? undefined : (await build.context.folder()).sources;
  if (asked === undefined || !taken) return find();
  const before = taken.get(asked);
  if (!before) {
    const found = await find();
    const { digest, names } = found.sources;
    rememberTaken(taken, asked, { digest, names });
    return found;
  }
  const again = async () => {
    const { sources } = await find();
    if (sources.digest !== before.digest)
      throw new BerthError('invalid-parameter', 'the files of the context changed meanwhile: build again');
    return sources.find();
  };
  return { sources: { ...before, find: again }, keepOwners: false };
}

/** The request of a COPY to the context, as text; undefined for a COPY that takes something from elsewhere, too. */
function askedOfContext(
  { name, heredocs }: Instruction,
  { flags, patterns, parents, exclude }: Wanted,
): string | undefined {
  if (name !== 'COPY' || heredocs.length > 0 || (flags['from'] ?? '') !== '') return undefined;
  return JSON.stringify([patterns, parents, exclude]);
}

/** Brings the files that are copied, from wherever they are. */
async function gather(
  build: Build,
  { instruction, stage, lookup }: Step,
  wanted: Wanted,
): Promise<{ sources: Source[]; keepOwners: boolean }> {
  const { context } = build;
  const { name } = instruction;
  const { flags, patterns } = wanted;
  const sources: Source[] = [];
  let keepOwners = false;
  if (instruction.heredocs.length > 0)
    sources.push(...(await heredocSources(instruction, lookup, await context.newTree())));
  if (flags['from'] !== undefined && !(flags['from'] === '')) {
    const found = await sourcesFrom(build, flags['from'], stage, wanted);
    sources.push(...found.sources);
    keepOwners = found.keepOwners;
  } else if (patterns.length > 0) {
    const paths = patterns.filter((pattern) => !/^https?:\/\//.test(pattern) && !isGit(pattern));
    const tree = paths.length > 0 ? await context.files() : await context.newTree();
    if (!wanted.parents) for (const pattern of paths) checkFolderOfWildcards(tree, pattern);
    if (name === 'ADD')
      sources.push(
        ...(await addSources(
          tree,
          patterns,
          build.options.folder,
          wanted.target.endsWith('/'),
          context.trees,
          build.options.signal,
          build.options.solver.fetch,
          {
            checksum: flags['checksum'] ?? '',
            fromContext: false,
            git: { keepDirectory: isTrue(flags['keep-git-dir']) },
            nameless: '__unnamed__',
            ...(flags['unpack'] === undefined ? {} : { unpacks: isTrue(flags['unpack']) }),
          },
        )),
      );
    else for (const pattern of patterns) sources.push(...(await find(tree, pattern, name, wanted)));
  }
  return { sources, keepOwners };
}

function find(tree: Tree, pattern: string, name: string, { parents, ignored }: Wanted): Promise<Source[]> {
  return parents ? parentSources(tree, pattern, ignored) : findSources(tree, pattern, name, false);
}

/** The here-documents of a COPY, as files of that name. */
async function heredocSources(instruction: Instruction, lookup: Lookup, tree: Tree): Promise<Source[]> {
  const sources: Source[] = [];
  for (const heredoc of instruction.heredocs) {
    const content = Buffer.from(
      heredoc.expand ? expandDocument(heredocText(heredoc), lookup) : heredocText(heredoc),
    );
    await tree.addStream(heredoc.name, Readable.from([content]), {
      size: content.length,
      mode: 0o644,
      mtime: new Date(0),
    });
    sources.push({ tree, path: heredoc.name, name: heredoc.name });
  }
  return sources;
}

/** COPY --from: another stage, an image, or a folder of the client's. */
async function sourcesFrom(
  build: Build,
  from: string,
  stage: Step['stage'],
  wanted: Wanted,
): Promise<{ sources: Source[]; keepOwners: boolean }> {
  const { options, context } = build;
  const { patterns, parents, ignored } = wanted;
  const sources: Source[] = [];
  const named = await context.named(from);
  if (named) {
    for (const pattern of patterns) sources.push(...(await find(named, pattern, 'COPY', wanted)));
    return { sources, keepOwners: false };
  }
  const snapshot = await snapshotOf(build, from, stage);
  const tree = await context.newTree();
  await options.solver.look(snapshot, async (archive) => {
    for (const pattern of patterns)
      sources.push(
        ...(await (parents
          ? readParents(archive, tree, pattern, ignored)
          : readFrom(archive, tree, pattern))),
      );
  });
  return { sources, keepOwners: true };
}

/** The text of a step whose sources could not be had, and the error the build ends with. */
function copyFailure(error: Error, title: string): { message: string; failure: Error } {
  const text =
    error instanceof FetchFailed
      ? error.buildKit
      : error.message.replace(
          /^failed to copy files: .*mkdir (.*): not.*/,
          'cannot copy to non-directory: $1',
        );
  const missing = missingSource(new Error(text), title);
  const message = missing ?? text;
  const key =
    missing !== undefined ? 'failed to compute cache key: ' : error instanceof FetchFailed ? error.doing : '';
  const failure = new BerthError(missing !== undefined ? 'not-found' : 'invalid-parameter', key + message, {
    cause: error,
  });
  // BuildKit quotes no line for what it cannot fetch.
  if (error instanceof FetchFailed) locate(failure, null);
  return { message, failure };
}
