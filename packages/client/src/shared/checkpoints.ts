import { string } from '../base/flags.ts';

/** The folder of checkpoints. */
export const checkpointDirFlag = {
  'checkpoint-dir': string('', "A folder of the daemon's machine, if not the container's own"),
};
