import { type Source, sourcesDigest } from '../../copy.ts';
import type { Stage } from '../../stages.ts';
import { sha256 } from '../../steps.ts';
import type { Tree } from '../../tree/tree.ts';
import { epochOf } from '../instructions.ts';
import type { FrontendOptions } from '../options.ts';
import { Progress } from '../progress/progress.ts';
import type { Snapshot } from './snapshot.ts';
import { stepUses } from './step.ts';

/** The root of a stage that stands on a folder of the client's (`FROM name`, `--build-context name=folder`). */
export async function contextSnapshot(
  options: FrontendOptions,
  stage: Stage,
  files: Tree,
): Promise<Snapshot> {
  const sources: Source[] = [{ tree: files, path: '', name: '', unpacked: true }];
  return options.solver.copy(options.solver.scratch(), {
    sources,
    target: '/',
    digest: await sourcesDigest(sources, sha256),
    owner: undefined,
    ownerKey: '',
    keepOwners: false,
    time: epochOf(options.attributes),
    // The transfer has been shown, the making of its layer is no step of its own.
    vertex: new Progress().vertex(''),
    ...stepUses(options, stage),
  });
}
