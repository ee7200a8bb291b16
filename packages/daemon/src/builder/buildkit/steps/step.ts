import type { Dockerfile, Instruction } from '../../../dockerfile/types.ts';
import type { Lookup } from '../../../dockerfile/words.ts';
import type { ImageConfig, ImageRunConfig } from '../../../images/api.ts';
import type { Stage } from '../../stages.ts';
import type { BuildContext } from '../build-context.ts';
import type { FrontendOptions } from '../options.ts';
import type { References } from '../references.ts';
import type { Snapshot } from './snapshot.ts';

/** The state of a stage: its root file system so far and its configuration. */
export interface StageResult {
  snapshot: Snapshot;
  config: ImageRunConfig;
  author: string;
  cmdSet: boolean;
  buildKit: true;
  history: NonNullable<ImageConfig['history']>;
  platform: { os: string; architecture: string; variant?: string };
}

/** The parts of a build that the steps of all stages share. */
export interface Build {
  options: FrontendOptions;
  dockerfile: Dockerfile;
  context: BuildContext;
  references: References;
  /** The result of a stage, which is built when it is first asked for. */
  stage(stage: Stage): Promise<StageResult>;
}

/** An instruction whose turn it is. */
export interface Step {
  instruction: Instruction;
  stage: Stage;
  /** The state of the stage, which the step changes. */
  state: StageResult;
  lookup: Lookup;
  /** The title of its vertex. */
  title: string;
}

/** The root that a `from` stands for: an earlier stage's, or an image's. */
export async function snapshotOf(build: Build, from: string, before: Stage): Promise<Snapshot> {
  const { references, options } = build;
  const other = references.findStage(from, before);
  if (other) return (await build.stage(other)).snapshot;
  const given = references.namedContext(from)?.replace(/^docker-image:\/\//, '');
  if (from === 'scratch' && given === undefined) return options.solver.scratch();
  const platform = options.attributes['platform'] ?? '';
  return (await references.image(given ?? from, platform)).snapshot;
}

/** Whether a step may come from the cache: `--no-cache` and `--no-cache-filter`. */
export function stepUses(
  { attributes, signal }: FrontendOptions,
  stage: Stage,
): { cache: boolean; signal: AbortSignal } {
  const filter = attributes['no-cache'];
  const off =
    filter !== undefined &&
    (filter === '' || filter.split(',').some((name) => name.toLowerCase() === stage.name));
  return { cache: !off, signal };
}
