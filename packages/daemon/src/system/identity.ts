import { randomUUID } from 'node:crypto';
import type { Store } from '../store/index.ts';

/** The daemon's ID: made once, kept with the data root. */
export function daemonId(store: Store): string {
  const identity = store.collection<{ id: string }>('identity');
  const known = identity.get('daemon');
  if (known) return known.id;
  const id = randomUUID();
  identity.put('daemon', { id });
  return id;
}
