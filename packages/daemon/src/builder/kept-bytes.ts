import type { PruneOptions } from './api.ts';

/** How many of the cache's bytes may stay, by BuildKit's rules; 0 when nothing bounds them and all may go. */
export function keptBytes(
  { keepStorage, maxUsed = 0, minFree = 0 }: Pick<PruneOptions, 'keepStorage' | 'maxUsed' | 'minFree'>,
  held: number,
  free: number,
): number {
  const lacking = Math.max(0, minFree - free);
  let kept = maxUsed;
  if (lacking > 0) kept = kept === 0 ? held - lacking : Math.min(kept, held - lacking);
  else if (minFree > 0 && kept === 0) kept = held;
  return Math.max(kept, keepStorage);
}
