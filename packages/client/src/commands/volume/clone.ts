import { copyVolume } from '../../shared/volume-copies.ts';

export default copyVolume('clone');
