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
/** For how long nobody has asked for anything when what a burst left is given back, in milliseconds. */
const QUIET = 3000;
/** Among requests that never cease (a poller's) it is given back all the same, after so many milliseconds. */
const AT_LATEST = 120_000;

let work = 0;
let lastRequest = 0;
let waiting: NodeJS.Timeout | undefined;

/** To be told of each request that arrives. */
export function requestArrived(): void {
  lastRequest = performance.now();
}

/** To be told of each piece of work (a container's event): V8 keeps a grown heap for as long as nothing asks for more. */
export function workDone(): void {
  work += 1;
  if (work >= BURST) collectWhenQuiet();
}

/**
 * Gives back what a burst of work, such as the start, has left behind, once no request has come for `quiet` milliseconds:
 * it takes some tens of milliseconds, in which none is answered.
 */
export function collectWhenQuiet(quiet = QUIET): void {
  if (waiting) return;
  const latest = performance.now() + AT_LATEST;
  const look = () => {
    const now = performance.now();
    const left = Math.min(lastRequest + quiet, latest) - now;
    if (left > 0) {
      waiting = setTimeout(look, left).unref();
      return;
    }
    waiting = undefined;
    work = 0;
    collector()({ type: 'major', flavor: 'last-resort' });
    trimHeap();
  };
  waiting = setTimeout(look, quiet).unref();
}
