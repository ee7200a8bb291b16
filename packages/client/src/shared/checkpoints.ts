import { string } from '../base/flags.ts';

/** Where checkpoints are. */
export const checkpointDirFlag = {
  'checkpoint-dir': string('', "A folder of the daemon's machine, if not the container's own"),
};
