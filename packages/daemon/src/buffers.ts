import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers between two collections. */
const BETWEEN = 4 << 20;

let collect: ((options: { type: 'minor' }) => void) | undefined;
let passed = 0;

/**
 * To be told of the bytes of each buffer that passes through JavaScript. V8 sees the little objects of buffers, not what
 * they hold, and when that has grown it marks the whole heap: more work than all else in a long stream. Collecting the
 * young ones in time, which is quick, spares that.
 */
export function buffersPassed(bytes: number): void {
  passed += bytes;
  if (passed < BETWEEN) return;
  passed = 0;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as typeof collect;
  }
  collect?.({ type: 'minor' });
}
