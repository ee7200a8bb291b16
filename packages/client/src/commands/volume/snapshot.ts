import { copyVolume } from '../../shared/volumes/copies.ts';

export default copyVolume('snapshot');
