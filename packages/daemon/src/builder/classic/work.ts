import type { Fetch } from '../../base/fetch.ts';
import type { Dockerfile } from '../../dockerfile/types.ts';
import type { Lookup } from '../../dockerfile/words.ts';
import type { BuildOptions } from '../api.ts';
import type { Steps } from '../steps.ts';
import type { Tree } from '../tree/tree.ts';
import type { ClassicOutput } from './output.ts';
import type { State } from './state.ts';
import type { StepImages } from './step-images.ts';

/** The parts of a build that its instructions work with. */
export interface ClassicWork {
  readonly dockerfile: Dockerfile;
  readonly options: BuildOptions;
  /** The results of the stages before this one. */
  readonly done: State[];
  readonly context: Tree;
  /** A folder of the build's own, which goes with it. */
  readonly folder: string;
  readonly steps: Steps;
  readonly fetch: Fetch;
  readonly images: StepImages;
  readonly output: ClassicOutput;
  /** The values of variables at this point of a stage. */
  lookup(state: State): Lookup;
  /** An earlier stage of that name. */
  earlier(name: string): State | undefined;
  /** A local image, or one that is pulled. */
  findImage(reference: string, platform: string): Promise<{ id: string }>;
}
