import { stopping } from '../../shared/stopping.ts';

export default stopping('stop', 'Stop running containers');
