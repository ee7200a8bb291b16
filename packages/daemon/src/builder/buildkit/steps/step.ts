import type { Dockerfile, Instruction } from '../../../dockerfile/parse.ts';
import type { Lookup } from '../../../dockerfile/words.ts';
import type { ImageConfig, ImageRunConfig } from '../../../images/api.ts';
import type { Stage } from '../../stages.ts';
import type { BuildContext } from '../build-context.ts';
import type { FrontendOptions } from '../options.ts';
import type { References } from '../references.ts';
import type { Snapshot } from './snapshot.ts';

/** What a stage has come to. */
export interface StageResult {
  snapshot: Snapshot;
  config: ImageRunConfig;
  author: string;
  cmdSet: boolean;
  buildKit: true;
  history: NonNullable<ImageConfig['history']>;
  platform: { os: string; architecture: string; variant?: string };
}

/** What the steps of all stages share. */
export interface Build {
  options: FrontendOptions;
  dockerfile: Dockerfile;
  context: BuildContext;
  references: References;
  /** What a stage comes to: it is built when it is asked for first. */
  stage(stage: Stage): Promise<StageResult>;
}

/** An instruction whose turn it is. */
export interface Step {
  instruction: Instruction;
  stage: Stage;
  /** What the stage has come to; the step changes it. */
  state: StageResult;
  lookup: Lookup;
  /** What heads its vertex. */
  title: string;
}

/** The root that a `from` stands for: an earlier stage's, or an image's. */
export async function snapshotOf(build: Build, from: string, before: Stage): Promise<Snapshot> {
  const { references } = build;
  const other = references.findStage(from, before);
  if (other) return (await build.stage(other)).snapshot;
  const given = references.namedContext(from)?.replace(/^docker-image:\/\//, '');
  const platform = build.options.attributes['platform'] ?? '';
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
