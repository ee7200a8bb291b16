import { inspectKept } from '../../shared/kept.ts';

export default inspectKept('config');
