/** Operations whose answer may wait for something to happen, or never ends. */
export const WAITING = new Set([
  'ContainerWait',
  'ContainerAttach',
  'ContainerAttachWebsocket',
  'SystemEvents',
  'ContainerLogs',
  'ContainerStats',
  'ExecStart',
]);

/**
 * Errors that dockerd too answers with 500, in words that clients compare, where the request is well-formed and the
 * object's state forbids it.
 */
export const EXCUSED = [
  'container rootfs is marked read-only',
  'mounted volume is marked read-only',
  'is not paused',
  'Address already in use',
  'lookup ',
];

/** A stack or a place in our own program. */
export const TELLING =
  /\n\s+at |file:\/\/|node:internal|\.mjs:\d|\.ts:\d|Cannot read prop|is not a function|is not iterable|undefined \(reading|Maximum call stack|Invalid array length|ERR_[A-Z]/;
