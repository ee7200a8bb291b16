import { listKept } from '../../shared/kept.ts';

export default listKept('secret');
