import { removeKept } from '../../shared/kept.ts';

export default removeKept('config');
