import type { Stage } from '../../stages.ts';
import type { Tree } from '../../tree/tree.ts';
import { epochOf } from '../instructions.ts';
import type { FrontendOptions } from '../options.ts';
import { Progress } from '../progress/progress.ts';
import { foundSources } from '../solver/copy.ts';
import type { Snapshot } from './snapshot.ts';
import { stepUses } from './step.ts';

/** The root of a stage that stands on a folder of the client's (`FROM name`, `--build-context name=folder`). */
export async function contextSnapshot(
  options: FrontendOptions,
  stage: Stage,
  files: Tree,
): Promise<Snapshot> {
  return options.solver.copy(options.solver.scratch(), {
    sources: await foundSources([{ tree: files, path: '', name: '', unpacked: true }]),
    target: '/',
    owner: undefined,
    ownerKey: '',
    keepOwners: false,
    time: epochOf(options.attributes),
    // The transfer has been shown, the making of its layer is no step of its own.
    vertex: new Progress().vertex(''),
    ...stepUses(options, stage),
  });
}
