import { posix } from 'node:path';
import { invalidParameter } from '../../base/errors.ts';
import { shellOf } from '../../dockerfile/environment.ts';
import type { Instruction } from '../../dockerfile/types.ts';
import { expandWord } from '../../dockerfile/words.ts';
import { addSources, UnpackFailed } from '../add.ts';
import { type CopyAttributes, findSources, readFrom, type Source, sourcesDigest } from '../copy.ts';
import { resolveOwner } from '../owner.ts';
import { sha256 } from '../steps.ts';
import { Tree } from '../tree/tree.ts';
import type { State } from './state.ts';
import { needsBuildKit } from './text.ts';
import type { ClassicWork } from './work.ts';

/** COPY and ADD. */
export async function copyStep(build: ClassicWork, instruction: Instruction, state: State): Promise<void> {
  const { name } = instruction;
  const lookup = build.lookup(state);
  const flag = (wanted: string) => instruction.flags.find((item) => item.name === wanted)?.value;
  for (const item of instruction.flags) {
    // dockerd's classic builder has no use for the others, and says so of this one only.
    if (item.name === 'chmod' && item.value !== '') throw invalidParameter(needsBuildKit(item.name));
  }
  const words = instruction.args.map((word) => expandWord(word, lookup, build.dockerfile.escape));
  const destination = words.at(-1)!;
  const patterns = words.slice(0, -1);
  if (instruction.heredocs.length > 0)
    throw invalidParameter(`${name} failed: no source files were specified`);
  const target =
    posix.resolve('/', state.config.WorkingDir || '/', destination) +
    (destination.endsWith('/') || destination === '.' ? '/' : '');
  // An empty one is none.
  const from = flag('from') || undefined;
  const sources: Source[] = [];
  const trees: Tree[] = [];
  try {
    if (from !== undefined) sources.push(...(await sourcesFrom(build, from, patterns, trees)));
    else if (name === 'ADD')
      sources.push(
        ...(await addSources(
          build.context,
          patterns,
          build.folder,
          target.endsWith('/'),
          trees,
          build.options.signal,
          build.fetch,
        ).catch((error: Error) =>
          Promise.reject(
            error instanceof UnpackFailed
              ? invalidParameter(`failed to copy files: ${error.message}`, error)
              : error,
          ),
        )),
      );
    else
      for (const pattern of patterns) {
        if (/^https?:\/\//.test(pattern))
          throw invalidParameter("COPY failed: source can't be a URL for COPY");
        sources.push(...(await findSources(build.context, pattern, name, true)));
      }
    if (sources.length === 0) throw invalidParameter(`${name} failed: no source files were specified`);
    if (sources.length > 1 && !destination.endsWith('/')) {
      throw invalidParameter(
        `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
      );
    }
    const chown = flag('chown');
    const owner = chown === undefined ? '' : expandWord(chown, lookup, build.dockerfile.escape);
    const digest = await sourcesDigest(sources, sha256);
    const createdBy = `${shellOf(state.config).join(' ')} #(nop) ${name} ${owner ? `--chown=${owner} ` : ''}${digest} in ${destination} `;
    await build.images.cached(state, createdBy, createdBy, async () => {
      const base = build.images.diffIds(state.image);
      const attributes: CopyAttributes =
        owner === '' ? {} : await build.steps.withRoot(base, (archive) => resolveOwner(archive, owner));
      const layer = await build.steps.copy(base, sources, target, {
        ...attributes,
        keepOwners: from !== undefined && owner === '',
        given: name === 'COPY' && !(from !== undefined && owner === ''),
        signal: build.options.signal,
      });
      return build.images.register(state, createdBy, layer);
    });
  } finally {
    for (const tree of trees) await tree.close();
  }
}

/** COPY --from: an earlier stage by number or name, or an image. */
async function sourcesFrom(
  build: ClassicWork,
  from: string,
  patterns: string[],
  trees: Tree[],
): Promise<Source[]> {
  let diffIds: string[];
  const number = /^[+-]?\d+$/.test(from) ? Number(from) : undefined;
  if (number !== undefined) {
    const state = build.done[number];
    if (!state)
      throw invalidParameter(
        `invalid from flag value ${from}: ${
          number === build.done.length ? 'refers to current build stage' : 'index out of bounds'
        }`,
      );
    diffIds = build.images.diffIds(state.image);
  } else {
    const state = build.earlier(from);
    diffIds = state
      ? build.images.diffIds(state.image)
      : build.images.diffIds(
          (
            await build
              .findImage(from, build.options.platform)
              .catch((error: Error) =>
                Promise.reject(invalidParameter(`invalid from flag value ${from}: ${error.message}`)),
              )
          ).id,
        );
  }
  const tree = await Tree.create(
    posix.join(build.folder, `from-${trees.length}-${sha256(`${Math.random()}`).slice(0, 8)}`),
  );
  trees.push(tree);
  const found: Source[] = [];
  await build.steps.withRoot(diffIds, async (archive) => {
    for (const pattern of patterns) found.push(...(await readFrom(archive, tree, pattern)));
  });
  return found;
}
