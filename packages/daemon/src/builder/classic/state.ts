import type { BuildArguments } from '../../dockerfile/arguments.ts';
import type { StageConfig } from '../../dockerfile/metadata.ts';

/** The state of a stage: its root file system so far and its configuration. */
export interface State extends StageConfig {
  /** The image's id; '' for scratch. */
  image: string;
  /** The arguments that are declared so far. */
  args: BuildArguments;
}
