import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { trimHeap } from '@berth/native/ffi.ts';

/** Bytes of buffers between two collections. */
const BETWEEN = 4 << 20;

type Collect = (options: { type: 'minor' } | { type: 'major'; flavor: 'last-resort' }) => void;

let found: Collect | undefined;
let passed = 0;

/** V8's collector; a start would be no quicker with its flag on the command line. */
function collector(): Collect {
  if (found === undefined) {
    setFlagsFromString('--expose-gc');
    found = runInNewContext('gc') as Collect;
  }
  return found;
}

/**
 * To be told of the bytes of each buffer that passes through JavaScript. V8 sees the little objects of buffers, not what
 * they hold, and when that has grown it marks the whole heap: more work than all else in a long stream. Collecting the
 * young ones in time, which is quick, spares that.
 */
export function buffersPassed(bytes: number): void {
  passed += bytes;
  if (passed < BETWEEN) return;
  passed = 0;
  collector()({ type: 'minor' });
}

/** So many pieces of work, without a pause, are a burst. */
const BURST = 500;
/** How long it is quiet after a burst before what it left is given back, in milliseconds. */
const QUIET = 3000;

let work = 0;
let waiting: NodeJS.Timeout | undefined;

/** To be told of each piece of work (a container's event): V8 keeps a grown heap for as long as nothing asks for more. */
export function workDone(): void {
  work += 1;
  if (work < BURST) return;
  if (waiting) waiting.refresh();
  else
    waiting = setTimeout(() => {
      waiting = undefined;
      work = 0;
      collectAll();
    }, QUIET).unref();
}

/** Gives back what a burst of work, such as the start, has left behind. Takes some tens of milliseconds. */
export function collectAll(): void {
  collector()({ type: 'major', flavor: 'last-resort' });
  trimHeap();
}
