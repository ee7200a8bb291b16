import { stopping } from '../../shared/stopping.ts';

export default stopping('restart', 'Restart containers');
