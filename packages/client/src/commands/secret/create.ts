import { createKept } from '../../shared/kept.ts';

export default createKept('secret');
